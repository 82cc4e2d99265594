"""What the machine gives this process: cores, memory, file descriptors."""
