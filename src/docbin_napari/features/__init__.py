"""Numbers of a page: strips of it, its strokes, colours and edges; numpy only."""
