"""Daily equity paper trading on Alpaca: decide once, execute exactly once, prove both."""
