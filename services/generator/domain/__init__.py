"""What a generation is; knows no transport and no store."""
