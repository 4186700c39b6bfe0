"""Pages drawn from pen strokes: hands, layouts, inks, paper and its damages. Loads no torch."""
