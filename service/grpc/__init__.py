"""Open Inference Protocol V2 over gRPC, with those of Triton's extensions that its clients ask for."""
