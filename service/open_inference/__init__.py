"""What the Open Inference Protocol V2 asks and tells, with Triton's extensions, whatever the door."""
