"""How good answers are: measures, their intervals, calibration, prediction sets, importance."""
