"""How good generated pictures are, measured without any weights: two clips' likeness, and one clip's own steadiness."""
