"""What is done, from the request to the log entry and to those whom it concerns.

The roads of a message are here: `submit` takes it in, `fanout` tells who is here, `catchup` tells who comes back,
`pulling` brings what large conversations have. What is done with messages, groups, people, files stands in the rooms.
"""
