"""Aggregates written as tables: a row is a command, who may give it, its guards and the event it stores.

`fields` reads and stores the fields of an event, `rows` says what a row is, `case` is the aggregate that lives by
rows, `step` carries one row out. The patterns that many tables share (approval, posting) are in `patterns`.
"""
