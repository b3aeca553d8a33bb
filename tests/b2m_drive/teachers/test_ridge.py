from __future__ import annotations

import numpy as np
from sklearn.linear_model import Ridge

from b2m_drive.teachers.ridge import ridge_predictions


def test_predictions_are_those_of_scikit_learn_with_few_and_with_many_features() -> None:
    generator = np.random.default_rng(0)
    for n_features in (5, 60, 1200):
        features = generator.normal(size=(80, n_features))
        targets = features[:, :2] + generator.normal(size=(80, 2))
        fit = np.arange(80) < 50
        (found,) = ridge_predictions(features, targets, fit, ~fit, (0.3,))
        model = Ridge(0.3 * 50).fit(features[fit], targets[fit])
        np.testing.assert_allclose(found, model.predict(features[~fit]), rtol=1e-8, atol=1e-9)
