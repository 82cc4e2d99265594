"""Uses the package `generated`, made of the OpenAPI document, and prints what it answers: `ask.py URL PHONE`.

Runs in the environment of the generator.
"""

import json
import sys

from generated import Client
from generated.api.default import (
    answer_predict_curve_post,
    answer_predict_what_if_post,
    predict_predict_batch_post,
    predict_predict_post,
)
from generated.models import Answer, BatchAnswer, CurveQuestion, Phone, Phones, WhatIfQuestion

url, text = sys.argv[1:]
phone = Phone.from_dict(json.loads(text))
with Client(base_url=url) as client:
    answer = predict_predict_post.sync(client=client, body=phone, sets=0.9, explain=True)
    assert isinstance(answer, Answer), answer
    many = predict_predict_batch_post.sync(client=client, body=Phones(phones=[phone, phone]))
    assert isinstance(many, BatchAnswer), many
    changed = answer_predict_what_if_post.sync(client=client, body=WhatIfQuestion(phone=phone, price_range=1))
    curve = answer_predict_curve_post.sync(
        client=client, body=CurveQuestion.from_dict({"phone": phone.to_dict(), "feature": "ram", "points": 3})
    )
    refused = predict_predict_post.sync(client=client, body=Phone.from_dict({**phone.to_dict(), "ram": 4}))
told = (answer, many, changed, curve, refused)
print(json.dumps([one.to_dict() for one in told]))
