"""The object store: media and documents as objects, in a folder or in a bucket."""

from libs.chassis.objects.blobs import blob_key, hash_file, put_blob_file
from libs.chassis.objects.cache import LocalCache
from libs.chassis.objects.obstore_adapter import open_objects
from libs.chassis.objects.store import ObjectMissing, ObjectStore, StoredObject

__all__ = [
    "LocalCache",
    "ObjectMissing",
    "ObjectStore",
    "StoredObject",
    "blob_key",
    "hash_file",
    "open_objects",
    "put_blob_file",
]
