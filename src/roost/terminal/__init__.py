"""`roost chat`: a client in the terminal, on the SDK. `docs/terminal.md` tells how to use it.

`chat` is the screen and what its keys do; `conversations` the list at the left; `conversation` the one that is open:
its `messages`, which are a `window` on its history laid out in `lines`, and the `draft` below; `status` the line at
the bottom; `dialogs` what asks a question. `text` makes what others wrote safe to show.
"""
