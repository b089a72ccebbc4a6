"""One server interceptor per file, in the order telemetry, errors, deadline, authentication, policy, validation."""
