"""Open Inference Protocol V2 over REST, with Triton's extensions that its clients ask for."""
