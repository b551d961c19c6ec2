"""OAuth on Authlib's framework-neutral server core, one file per grant.

Authlib's hooks are synchronous: they run in a greenlet on the transaction's own connection and call
the asynchronous store by ``await_only``.  What reaches it was parsed strictly before.
"""
