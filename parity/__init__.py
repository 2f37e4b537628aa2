"""What this project is held against: event programs, and the public reports of what goes wrong.

``python -m parity --help`` says what it can do. It runs on ``torch.xpu`` and on ``torch.cuda``; on
a CUDA machine it needs torch alone, and never imports ``xpu_dynamo_event``.
"""
