"""Do usage, history, stats and a reservation take as long with ten million entries as with ten thousand?"""
