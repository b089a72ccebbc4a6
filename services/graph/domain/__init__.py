"""The graph engine, pure: documents, catalogue, compiler, planner and evaluator."""
