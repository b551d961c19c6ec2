"""The pages that people see: consent, sign-out, devices, errors; views, templates, style, words.

A page is a function of a view, a frozen structure without a link to the database: who builds the
view decides what is said, the template how it looks.  May import what ``web`` may.

Invariants: no script, no inline style, nothing from another host; every text is escaped by the
template engine; every form carries a token bound to the browser; accepting and refusing are the
same control twice; nothing is pre-ticked but a person's own earlier answers.
"""
