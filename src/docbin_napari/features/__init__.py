"""Numbers of a page: strips, stroke width, colours, edges, look; numpy only."""
