"""The protocol's messages; `make protos` writes what is not a `.proto` here."""
