"""Recipes: the shipped ones are read, impossible ones refused with field, expected and found."""

from pathlib import Path

import pytest

from training.errors import RecipeError, RecipeFileError
from training.recipe import recipe


def refuse(recipe_file: Path, tmp_path: Path, old: str, new: str) -> RecipeError:
    text = recipe_file.read_text()
    assert old in text
    path = tmp_path / "recipe.toml"
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(RecipeError) as raised:
        recipe.read(path)
    assert raised.value.path == path
    return raised.value


def test_every_shipped_recipe_is_read() -> None:
    shipped = sorted(recipe.FOLDER.glob("*.toml"))
    assert recipe.DEFAULT in shipped
    for path in shipped:
        recipe.read(path)


def test_softmax_recipe_differs_from_the_served_one_in_its_head_alone() -> None:
    softmax = recipe.read(recipe.FOLDER / "softmax.toml")
    assert softmax.head.name == "softmax"
    assert softmax == recipe.read(recipe.DEFAULT).model_copy(update={"head": softmax.head})


@pytest.mark.parametrize(
    ("old", "new", "field", "expected", "found"),
    [
        pytest.param(
            "epochs =", "epoch =", "loop.epoch", "epochs, batch_size", "unknown key", id="unknown key"
        ),
        pytest.param(
            "[split]", "[spilt]", "spilt", "seed, split, preprocess", "unknown key", id="unknown section"
        ),
        pytest.param(
            "weight_decay",
            "momentum",
            "optimiser.momentum",
            "beta1, beta2, epsilon",
            "unknown key",
            id="key of another optimiser",
        ),
        pytest.param("seed = 1", "", "seed", "a value", "none", id="missing key"),
        pytest.param('name = "adamw"', "", "optimiser.name", "a value", "none", id="missing name"),
        pytest.param('name = "mlp"', 'name = "cnn"', "network.name", "'mlp', 'lstm'", "'cnn'", id="network"),
        pytest.param(
            '"relu"', '"rleu"', "network.activation", "'leaky_relu', 'prelu'", "'rleu'", id="activation"
        ),
        pytest.param('"ordinal"', '"ord"', "head.name", "'softmax', 'ordinal', 'number'", "'ord'", id="head"),
        pytest.param(
            '"ordinal"',
            '"number"\nloss = "l2"',
            "head.loss",
            "'mse', 'mae', 'smooth_l1', 'huber' or 'quantile'",
            "'l2'",
            id="loss",
        ),
        pytest.param(
            "[head]",
            '[initialisation]\nname = "he"\n[head]',
            "initialisation.name",
            "'kaiming_normal'",
            "'he'",
            id="initialisation",
        ),
        pytest.param(
            '"adamw"', '"adamv"', "optimiser.name", "'rmsprop', 'adam', 'adamw'", "'adamv'", id="optimiser"
        ),
        pytest.param(
            '"one_cycle"', '"cycle"', "schedule.name", "'cosine', 'one_cycle'", "'cycle'", id="schedule"
        ),
        pytest.param(
            "[0.05, 0.0]", "[1.0, 0.0]", "network.dropout.0", "less than 1", "1.0", id="dropout of 1"
        ),
        pytest.param(
            "[0.05, 0.0]",
            "[0.05]",
            "network.dropout",
            "each of the 2 hidden widths",
            "[0.05]",
            id="one dropout",
        ),
        pytest.param("[16, 8]", "[]", "network.hidden", "at least 1 item", "[]", id="no layer"),
        pytest.param(
            "[head]",
            '[initialisation]\nname = "constant"\nvalue = 1e300\n[head]',
            "initialisation.value",
            "less than or equal to 3.40282e+38",
            "1e+300",
            id="a weight beyond float32",
        ),
        pytest.param(
            "[head]",
            '[initialisation]\nname = "uniform"\nbound = 3.4e38\n[head]',
            "initialisation.bound",
            "less than or equal to 1.70141e+38",
            "3.4e+38",
            id="a width beyond float32",
        ),
        pytest.param(
            "patience = 30", "patience = 31", "loop.patience", "at most the 30 epochs", "31", id="patience"
        ),
        pytest.param("[16, 8]", "[16, 0]", "network.hidden.1", "equal to 1", "0", id="layer of no unit"),
        pytest.param(
            "[head]",
            "batch_norm = false\n[head]",
            "network.batch_norm_bias",
            "0 without batch_norm",
            "3.0",
            id="bias of a batch norm that is not there",
        ),
        pytest.param(
            "[head]",
            "skip_sparsity = 0.1\n[head]",
            "network.skip_sparsity",
            "0 without linear_skip",
            "0.1",
            id="sparsity of a skip that is not there",
        ),
        pytest.param(
            "= 0.05\n", "= -0.05\n", "optimiser.learning_rate", "greater than 0", "-0.05", id="rate"
        ),
        pytest.param(
            "= 0.05\n", "= inf\n", "optimiser.learning_rate", "a finite number", "inf", id="infinite"
        ),
        pytest.param(
            "batch_size = 100", "batch_size = 0", "loop.batch_size", "'full' or a whole", "0", id="no batch"
        ),
        pytest.param(
            "batch_size = 100",
            'batch_size = "all"',
            "loop.batch_size",
            "'full' or a whole number",
            "'all'",
            id="batch in words",
        ),
        pytest.param(
            "batch_size = 100",
            "batch_size = 1",
            "loop.batch_size",
            "at least 3, since batch_norm",
            "1",
            id="batch of 1 with batch norm",
        ),
        pytest.param("epochs = 30", 'epochs = "30"', "loop.epochs", "a valid integer", "'30'", id="text"),
        pytest.param(
            "test = 0.1",
            "test = 0.95",
            "split",
            "leave rows for training",
            "[0.1, 0.95]",
            id="nothing to train on",
        ),
        pytest.param(
            "[split]",
            "[preprocess]\nsvd = 21\n[split]",
            "preprocess.svd",
            "less than or equal to 20",
            "21",
            id="more dimensions than features",
        ),
    ],
)
def test_refuses_an_impossible_choice(
    recipe_file: Path, tmp_path: Path, old: str, new: str, field: str, expected: str, found: str
) -> None:
    error = refuse(recipe_file, tmp_path, old, new)
    assert error.field == field
    assert expected in error.expected
    assert found in error.found


LSTM = 'name = "lstm"\nhidden = 5\n'
PER_LAYER = '[initialisation]\nname = "per_layer"\nlayers = '


@pytest.mark.parametrize(
    ("network", "others", "field", "expected", "found"),
    [
        pytest.param(
            'activation = ["relu", "rleu"]',
            "",
            "network.activation",
            "'maxout', or a list of them, one for each hidden width",
            "['relu', 'rleu']",
            id="activation in a list",
        ),
        pytest.param(
            'activation = ["relu"]',
            "",
            "network.activation",
            "one activation for each of the 2 hidden widths",
            "['relu']",
            id="an activation too few",
        ),
        pytest.param(
            'activation = "relu"\nmaxout_pieces = 3',
            "",
            "network.maxout_pieces",
            "2 without maxout",
            "3",
            id="pieces of no maxout",
        ),
        pytest.param(
            'activation = "relu"\nresidual = true',
            "",
            "network.hidden",
            "two or more widths, all the same",
            "[16, 8]",
            id="residual blocks of two widths",
        ),
        pytest.param(
            LSTM + "truncation = 20",
            "",
            "network.truncation",
            "less than the 20 steps",
            "20",
            id="truncation that cuts nothing off",
        ),
        pytest.param(
            LSTM + "truncation = 3",
            "[preprocess]\nsvd = 3",
            "network.truncation",
            "less than the 3 steps",
            "3",
            id="truncation of a sequence of three",
        ),
        pytest.param(
            LSTM,
            "[pretraining]\nepochs = 1",
            "network.name",
            "'mlp' with pretraining",
            "lstm",
            id="pretraining",
        ),
        pytest.param(
            LSTM,
            "[bagging]\nnetworks = 1",
            "bagging.networks",
            "greater than or equal to 2",
            "1",
            id="bagging",
        ),
        pytest.param(
            LSTM,
            "[augmentation]\nnoise = -0.1",
            "augmentation.noise",
            "greater than or equal to 0",
            "-0.1",
            id="noise",
        ),
        pytest.param(
            LSTM,
            "[augmentation]\nflip = true",
            "augmentation.flip",
            "input_dropout, noise",
            "unknown",
            id="flip",
        ),
        pytest.param(
            LSTM,
            PER_LAYER + '[{name = "auto"}, {name = "auto"}, {name = "ones"}]',
            "initialisation.layers",
            "2 tables, one for each layer and the head's last",
            "['auto', 'auto', 'ones']",
            id="a start too many",
        ),
        pytest.param(
            LSTM,
            PER_LAYER + '[{name = "auto"}, {name = "he"}]',
            "initialisation.layers.1.name",
            "'kaiming_normal'",
            "'he'",
            id="an unknown start of a layer",
        ),
        pytest.param(
            LSTM,
            PER_LAYER + '[{name = "auto"}, {name = "normal", bound = 1.0}]',
            "initialisation.layers.1.bound",
            "name, deviation",
            "an unknown key",
            id="a key of another start",
        ),
    ],
)
def test_refuses_networks_and_what_is_around_them(
    recipe_file: Path, tmp_path: Path, network: str, others: str, field: str, expected: str, found: str
) -> None:
    text = recipe_file.read_text()
    whole = text[text.index('name = "mlp"') : text.index("[head]")]
    blocks = 'name = "mlp"\nhidden = [16, 8]\ndropout = [0.0, 0.0]\n' if "lstm" not in network else ""
    error = refuse(recipe_file, tmp_path, whole, f"{blocks}{network}\n{others}\n")
    assert error.field == field
    assert expected in error.expected
    assert found in error.found


@pytest.mark.parametrize(
    ("head", "field", "expected", "found"),
    [
        pytest.param(
            'name = "softmax"\nloss = "hinge"\nlabel_smoothing = 0.1',
            "head.label_smoothing",
            "0 without cross_entropy",
            "0.1",
            id="smoothing",
        ),
        pytest.param(
            'name = "number"\nloss = "mse"\ndelta = 0.5', "head.delta", "1 without huber", "0.5", id="delta"
        ),
        pytest.param(
            'name = "number"\nloss = "mae"\nquantile = 0.9',
            "head.quantile",
            "0.5 without",
            "0.9",
            id="quantile",
        ),
        pytest.param(
            'name = "number"\nloss = "quantile"\nquantile = 1.0',
            "head.quantile",
            "less than 1",
            "1.0",
            id="a quantile of all",
        ),
        pytest.param(
            'name = "ordinal"\nloss = "cross_entropy"',
            "head.loss",
            "'binary_cross_entropy', 'hinge' or 'exponential'",
            "'cross_entropy'",
            id="loss of another head",
        ),
    ],
)
def test_refuses_a_loss_that_does_not_go_with_the_rest(
    recipe_file: Path, tmp_path: Path, head: str, field: str, expected: str, found: str
) -> None:
    error = refuse(recipe_file, tmp_path, 'name = "ordinal"', head)
    assert error.field == field
    assert expected in error.expected
    assert found in error.found


def test_refuses_what_is_no_toml_and_what_is_not_there(tmp_path: Path) -> None:
    broken = tmp_path / "broken.toml"
    broken.write_text("seed = = 1")
    for path in (broken, tmp_path / "none.toml"):
        with pytest.raises(RecipeFileError, match=path.name):
            recipe.read(path)


def test_a_batch_of_1_is_possible_without_batch_norm(recipe_file: Path, tmp_path: Path) -> None:
    path = tmp_path / "recipe.toml"
    text = recipe_file.read_text().replace("batch_norm_bias = 3.0", "batch_norm = false")
    path.write_text(text.replace("batch_size = 100", "batch_size = 1"))
    assert recipe.read(path).loop.batch_size == 1


ONE_CYCLE = 'name = "one_cycle"\nwarm_up = 0.3'


@pytest.mark.parametrize(
    ("schedule", "field", "expected", "found"),
    [
        pytest.param(
            'name = "step"\nstep_size = 30', "schedule.step_size", "less than the 30 epochs", "30", id="step"
        ),
        pytest.param(
            'name = "multistep"\nmilestones = [10, 40]',
            "schedule.milestones",
            "rising numbers below the 30 epochs",
            "[10, 40]",
            id="milestone after the last epoch",
        ),
        pytest.param(
            'name = "multistep"\nmilestones = [20, 10]',
            "schedule.milestones",
            "rising numbers",
            "[20, 10]",
            id="falling milestones",
        ),
        pytest.param(
            'name = "piecewise_constant"\nboundaries = [30]\nfactors = [1.0, 0.1]',
            "schedule.boundaries",
            "below the 30 epochs",
            "[30]",
            id="boundary at the end",
        ),
        pytest.param(
            'name = "piecewise_constant"\nboundaries = [10, 20]\nfactors = [1.0, 0.1]',
            "schedule.factors",
            "3 factors, one more than boundaries",
            "[1.0, 0.1]",
            id="a factor too few",
        ),
        pytest.param(
            'name = "cosine"\nminimum_rate = 0.05',
            "schedule.minimum_rate",
            "less than the learning rate of 0.05",
            "0.05",
            id="a way down that stays level",
        ),
        pytest.param(
            'name = "reduce_on_plateau"\nminimum_rate = 0.05',
            "schedule.minimum_rate",
            "less than the learning rate of 0.05",
            "0.05",
            id="a rate that cannot fall",
        ),
        pytest.param(
            'name = "reduce_on_plateau"\npatience = 28',
            "loop.epochs",
            "at least 31 for reduce_on_plateau with a patience of 28",
            "30",
            id="a patience that outlasts the run",
        ),
        pytest.param(
            'name = "one_cycle"\nwarm_up = 0.3\nbase_momentum = 0.96',
            "schedule.base_momentum",
            "at most max_momentum, 0.95",
            "0.96",
            id="momenta the wrong way round",
        ),
        pytest.param(
            'name = "one_cycle"\nwarm_up = 0.0', "schedule.warm_up", "greater than 0", "0.0", id="no warm-up"
        ),
        pytest.param(
            'name = "exponential"\ngamma = 1.1', "schedule.gamma", "less than 1", "1.1", id="rising rate"
        ),
    ],
)
def test_refuses_a_schedule_that_does_not_fit_the_epochs(
    recipe_file: Path, tmp_path: Path, schedule: str, field: str, expected: str, found: str
) -> None:
    error = refuse(recipe_file, tmp_path, ONE_CYCLE, schedule)
    assert error.field == field
    assert expected in error.expected
    assert error.found == found


def test_an_impossible_choice_has_its_own_exit_code_and_says_all_in_one_line(
    recipe_file: Path, tmp_path: Path
) -> None:
    error = refuse(recipe_file, tmp_path, "[0.05, 0.0]", "[1.0, 0.0]")
    assert error.exit_code == 41
    said = "recipe.toml: network.dropout.0: expected less than 1, found 1.0"
    assert str(error).endswith(said)


def test_says_in_words_of_its_own_what_is_wrong(recipe_file: Path, tmp_path: Path) -> None:
    error = refuse(recipe_file, tmp_path, "[16, 8]", "[]")
    assert (error.expected, error.found) == ("at least 1 item", "[]")
    with pytest.raises(RecipeFileError, match=r"none.toml is not a valid recipe: No such file or directory$"):
        recipe.read(tmp_path / "none.toml")
