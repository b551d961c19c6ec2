"""What is unsafe in an installation, before somebody else finds it.

Each ``look_at_...`` judges one part and tells what it found; ``examine`` asks them all.  Nothing is
changed, and no finding shows a secret or a person.
"""
