"""What the program costs beside what people do instead: ratios from one run, no timed tests."""
