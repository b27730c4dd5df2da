"""The two small modules of the demo, in the binary format.

They are here as text so that the demo needs no WebAssembly tools; tests/python/
test_readme.py checks that NOTEBOOK is what notebook.wat says.
"""

from base64 import b64decode

# (module (func (export "add") (param i32 i32) (result i32)
#   local.get 0 local.get 1 i32.add))
ADD = bytes.fromhex(
    "0061736d 01000000 0107 01 60 02 7f7f 01 7f 0302 01 00"
    "0707 01 03 616464 00 00 0a09 01 07 00 2000 2001 6a 0b"
)

# notebook.wat
NOTEBOOK = b64decode(
    """
    AGFzbQEAAAABMAdgCX9/f39/fn5/fwF/YAR/f39/AX9gAX8Bf2AAAX9gAn9+AX9gAn9/AGACf38B
    fwKJAQQWd2FzaV9zbmFwc2hvdF9wcmV2aWV3MQlwYXRoX29wZW4AABZ3YXNpX3NuYXBzaG90X3By
    ZXZpZXcxCGZkX3dyaXRlAAEWd2FzaV9zbmFwc2hvdF9wcmV2aWV3MQdmZF9yZWFkAAEWd2FzaV9z
    bmFwc2hvdF9wcmV2aWV3MQhmZF9jbG9zZQACAwYFAwQFBgYFAwEAAQYGAX8BQQALByAEBm1lbW9y
    eQIABWNvdW50AAQEc2F2ZQAHBGxvYWQACAqVAQULACMAQQFqJAAjAAsfAEEDQQBBAEEIIAAgAUIA
    QQBBEBAABEAAC0EQKAIACxAAQRQgADYCAEEYIAE2AgALKwEBf0EJQsAAEAUhAiAAIAEQBiACQRRB
    AUEcEAEEQAALIAIQAxpBHCgCAAsqAQF/QQBCAhAFIQIgACABEAYgAkEUQQFBHBACBEAACyACEAMa
    QRwoAgALCw4BAEEACwhub3RlLnR4dA==
    """
)
