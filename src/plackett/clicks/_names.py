"""The names of click models and methods, for code that must not import Keras, such as the command line."""

# Click models -> the options of `simulate` that have an effect on each.
OPTIONS_OF_MODELS: dict[str, tuple[str, ...]] = {
    "ctr": ("epsilon",),
    "pbm": ("eta", "epsilon"),
    "cascade": ("epsilon", "user"),
    "dcm": ("epsilon", "user"),
    "ubm": ("eta", "epsilon"),
    "dbn": ("epsilon", "user"),
    "sdbn": ("epsilon", "user"),
    "ccm": ("epsilon", "user"),
    "trust": ("eta",),
}
# The keys of `plackett.clicks.MODELS`, and those of `plackett.clicks.training._methods.METHODS`.
NAMES_OF_MODELS = tuple(OPTIONS_OF_MODELS)
NAMES_OF_METHODS = ("naive", "ipw", "click_em", "mixture_em", "two_tower", *NAMES_OF_MODELS)
