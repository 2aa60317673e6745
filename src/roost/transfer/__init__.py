"""`roost migrate-data`: a whole deployment from one database into another, empty one, of any kind.

Everything keeps its number: users, devices, conversations, messages, the entries of every log, positions, the epoch.
So a client goes on at its position, and cannot tell. That holds because

- the source is read at one moment, and nobody writes to it: a file is locked, a server is asked for other connections,
  and at the end the logs must be what they were at the beginning;
- the target is empty, and marked before the first row (`roost.db.copying`); the mark goes when all is verified;
- every row is read back and compared, and no log or conversation may have a gap;
- what gives the next numbers (`next_mid`, AUTOINCREMENT, sequences) goes on behind everything that was ever given.

Rows are copied table by table in the order of their keys, a few thousand in each transaction: memory stays bounded, and
no database holds back what it has for the sake of one that takes hours.
"""
