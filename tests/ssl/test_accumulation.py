"""Adding up gradients of several batches is noticed; ordinary loops are left alone."""

import warnings

import pytest
import torch

from gramian.ssl import FroSSLLoss, GradientAccumulationWarning, frossl_loss


def training(*, order, batches=3, steps=2, set_to_none=True, criterion=None):
    """A loop that does in every batch what `order` says: f(orward), b(ackward), s(tep), z(ero_grad)."""
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(4, 6), torch.nn.ReLU(), torch.nn.Linear(6, 3))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    criterion = criterion or FroSSLLoss()
    for batch in range(batches):
        for act in order:
            if act == "f":
                loss = criterion([model(torch.randn(8, 4)) for _ in range(2)])
            elif act == "b":
                loss.backward()
            elif (batch + 1) % steps == 0 or steps == 1:
                optimizer.step() if act == "s" else optimizer.zero_grad(set_to_none=set_to_none)


def test_warns_when_gradients_of_an_earlier_batch_are_still_there():
    with pytest.warns(GradientAccumulationWarning, match="entropy of a small batch is not that of the large one"):
        training(order="fbsz", steps=2)


@pytest.mark.parametrize("order", ["fbsz", "zfbs", "fzbs"])
@pytest.mark.parametrize("set_to_none", [True, False])
def test_is_silent_where_every_batch_has_its_step(order, set_to_none):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        training(order=order, steps=1, set_to_none=set_to_none)


def test_is_silent_when_told_so():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        training(order="fbsz", steps=2, criterion=FroSSLLoss(warn_on_accumulation=False))


def test_the_function_and_the_terms_warn_like_the_class():
    for criterion in (frossl_loss, lambda views: FroSSLLoss().terms(views).loss):
        with pytest.warns(GradientAccumulationWarning):
            training(order="fbsz", steps=3, criterion=criterion)


def test_gradients_of_the_views_themselves_are_nobodys_accumulation():
    views = [torch.randn(8, 4, requires_grad=True) for _ in range(2)]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        frossl_loss(views).backward()
        frossl_loss(views).backward()


def test_the_view_that_is_trained_is_looked_at_wherever_it_stands():
    model, target = torch.nn.Linear(4, 3), torch.randn(8, 3)
    frossl_loss([target, model(torch.randn(8, 4))]).backward()
    with pytest.warns(GradientAccumulationWarning, match=r"shape \(3(, 4)?,?\)"):
        frossl_loss([target, model(torch.randn(8, 4))]).backward()
