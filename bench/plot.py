def svg(data): return ""
