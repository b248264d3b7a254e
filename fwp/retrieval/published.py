"""What Schlag, Irie and Schmidhuber (2021) found.

The least evaluation loss of each run, from the logs that they published with their code
(github.com/ischlag/fast-weight-transformers, folder synthetic/logs): one seed, keys of width 64.
"""

LOSS = {
    ("distinct", "elu"): {
        **{40: 0.0008, 60: 0.0245, 80: 0.1084, 100: 0.1642},
        **{200: 0.3420, 400: 0.4216, 600: 0.4513},
    },
    ("distinct", "dpfp_1"): {
        **{100: 0.0002, 120: 0.0083, 140: 0.0510},
        **{200: 0.1732, 400: 0.3415, 600: 0.4109},
    },
    ("distinct", "dpfp_2"): {
        **{240: 0.0005, 260: 0.0084, 300: 0.0681},
        **{400: 0.1643, 600: 0.3234},
    },
    ("distinct", "dpfp_3"): {
        **{340: 0.0001, 360: 0.0034, 400: 0.0359},
        **{500: 0.1691, 600: 0.1984},
    },
    ("distinct", "favor_512"): {20: 0.0241, 40: 0.0754, 60: 0.4065},
    ("distinct", "softmax"): {600: 0.0303},
    ("repeated", "dpfp_1_delta"): {20: 0.0008, 100: 0.0001, 120: 0.0141, 200: 0.1709},
    ("repeated", "dpfp_1"): {20: 0.0973, 100: 0.1113, 200: 0.2310},
}
"""(setting, memory) -> S -> loss."""
