"""How samples come out of each kind of file: libsndfile, PyAV, ffmpeg, headerless samples, damaged FLAC, pipes."""
