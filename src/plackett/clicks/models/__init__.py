"""Click models: how clicks arise, as likelihoods of logits."""

from plackett import _keras
from plackett.clicks.models._base import ClickModel
from plackett.clicks.models._browsing import UserBrowsingModel, user_browsing
from plackett.clicks.models._cascades import (
    CascadeModel,
    ClickChainModel,
    DependentClickModel,
    DynamicBayesianModel,
    SimplifiedDynamicBayesianModel,
    cascade,
    click_chain,
    dependent_click,
    dynamic_bayesian,
    simplified_dynamic_bayesian,
)
from plackett.clicks.models._mixture import MixtureModel, mixture
from plackett.clicks.models._positions import (
    ClickThroughRateModel,
    PositionBasedModel,
    TrustBiasModel,
    click_through_rate,
    position_based,
    trust_bias,
)

# The models by their short names.
MODELS: dict[str, type[ClickModel]] = {
    "ctr": ClickThroughRateModel,
    "pbm": PositionBasedModel,
    "trust": TrustBiasModel,
    "cascade": CascadeModel,
    "dcm": DependentClickModel,
    "ubm": UserBrowsingModel,
    "dbn": DynamicBayesianModel,
    "sdbn": SimplifiedDynamicBayesianModel,
    "ccm": ClickChainModel,
}
