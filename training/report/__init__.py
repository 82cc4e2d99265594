"""What a finished run tells: its card, its report, its passport, the verdict and the advice."""
