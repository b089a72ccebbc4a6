"""The gRPC server and channel, with what every call passes through."""
