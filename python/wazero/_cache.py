"""The compilation cache that this user's programs share."""

from __future__ import annotations

import os

from wazero._wazero import CompilationCache, _new_default_cache

_made: tuple[int, CompilationCache] | None = None


def default_cache() -> CompilationCache:
    """The cache in the user's cache folder, which is made when it is first asked for.

    That is the folder that the environment variable WAZERO_CACHE_DIR names, or wazero
    in the one that XDG_CACHE_HOME names, or ~/.cache/wazero. Its files have at most
    1 GiB together: those that were not used for longest go. As long as it stays the
    same and nobody closes it, all calls return one object. WazeroError when the folder
    cannot be used, or others may write to it.
    """
    global _made
    cache = _new_default_cache()
    if _made is not None:
        process, known = _made  # a forked child needs a cache of its own
        if (
            process == os.getpid()
            and not known.closed
            and known.directory == cache.directory
        ):
            cache.close()
            return known
    _made = os.getpid(), cache
    return cache
