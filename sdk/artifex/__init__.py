"""ArtifexPro Studio's SDK: the generated API, a client, the command line and the node-authoring API."""
