"""The embedded receiver of traces and metrics: OTLP over gRPC in, one file per trace out.

A laptop has no collector. This process is one, small enough to run always, so that `artifex traces show ID` can draw
any recent request. A cluster sets ARTIFEX_OTLP_ENDPOINT to its own collector and does not run it.
"""
