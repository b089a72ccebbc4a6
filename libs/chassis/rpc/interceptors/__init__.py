"""One server interceptor per file; `libs.chassis.rpc.server` puts them in their order."""
