"""Encoders and the decoder: shapes in, codes out, gradients to every weight."""

import pytest
import torch

from gramian.multiview import conv_encoder, linear_encoder, mlp_decoder, mlp_encoder


@pytest.mark.parametrize("build", [linear_encoder, mlp_encoder, conv_encoder])
@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 9, 14), (3, 32, 32), (2, 4, 5)])
def test_images_become_codes_and_every_weight_has_a_gradient(build, shape):
    torch.manual_seed(0)
    encoder = build(shape, 4)
    code = encoder(torch.randn(3, *shape))
    assert code.shape == (3, 4)
    code.square().sum().backward()
    assert all(bool(weight.grad.abs().sum() > 0) for weight in encoder.parameters())


def test_a_linear_encoder_is_affine():
    encoder = linear_encoder((5,), 2)
    x, y = torch.randn(2, 7, 5)
    between = encoder(0.3 * x + 0.7 * y)
    torch.testing.assert_close(between, 0.3 * encoder(x) + 0.7 * encoder(y))


def test_convolutions_see_where_a_pixel_is():
    encoder = conv_encoder((1, 8, 8), 4).eval()
    image = torch.zeros(1, 1, 8, 8)
    image[0, 0, 1, 1] = 1
    assert not torch.allclose(encoder(image), encoder(image.flip(-1)))


def test_a_decoder_returns_the_shape_of_samples():
    assert mlp_decoder(3, (2, 8, 6), hidden=(5,))(torch.randn(4, 3)).shape == (4, 2, 8, 6)
    assert mlp_decoder(3, (7,))(torch.randn(4, 3)).shape == (4, 7)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: conv_encoder((8, 8), 2), ValueError, r"shape: expected \(channels, height, width\) with sides from 4"),
        (lambda: conv_encoder((1, 3, 8), 2), ValueError, "shape: expected"),
        (lambda: conv_encoder((1, 8, 8), 2, channels=0), ValueError, "channels: expected an integer of at least 1"),
        (lambda: linear_encoder(8, 2), TypeError, "shape: expected the shape of one sample; got int"),
        (lambda: linear_encoder((), 2), ValueError, "shape: expected at least one axis"),
        (lambda: mlp_encoder((8, 0), 2), ValueError, r"shape\[1\]: expected an integer of at least 1; got 0"),
        (lambda: mlp_encoder((8,), 0), ValueError, "latent: expected an integer of at least 1; got 0"),
        (lambda: mlp_encoder((8,), 2, hidden=(4, -1)), ValueError, r"hidden\[1\]: expected"),
        (lambda: mlp_decoder(2.5, (8,)), TypeError, "latent: expected an integer of at least 1; got float"),
    ],
)
def test_sizes_without_a_meaning_are_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()
