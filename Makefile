.PHONY: protos
protos:
	@PATH="$(CURDIR)/.venv/bin:$$PATH" .venv/bin/python protos/generate.py
