"""Where bytes enter: the WebSocket gateway, the HTTP routes, authentication, health."""
