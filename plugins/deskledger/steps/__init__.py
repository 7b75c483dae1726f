"""One function a task: read, call the engine, write. DAGs import these modules inside their tasks only."""
