"""Preview sessions: a live look at a document while it is edited.

client ⇄ api/preview_service.py ⇄ session.py ⇄ (pipes) ⇄ child.py, which holds the document, its sources and caches

The session knows the caller and fetches files; the child parses, compiles, decodes, renders, measures and encodes. Both
keep the document by the same edits, so a child that died is replaced by one that goes on where it stopped.
"""
