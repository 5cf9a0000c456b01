"""Where events come from: the kernel, a recording, a generated stream."""
