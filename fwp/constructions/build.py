"""Constructions as models of PyTorch."""

import torch

from fwp.constructions.construction import Construction
from fwp.languages.base import Language
from fwp.models.sequence_model import SequenceModel, build_model
from fwp.nn.layer_norm import LayerNorm
from fwp.nn.rms_norm import RMSNorm


@torch.no_grad()
def built(construction: Construction, language: Language, dtype: str) -> SequenceModel:
    """The model of the lab, with the weights of the construction.

    Args:
        dtype: float32 or float64.
    """
    model = build_model(construction.settings, language, seed=0, dtype=dtype)
    for parameter in model.parameters():
        parameter.zero_()
    for module in model.modules():
        if isinstance(module, LayerNorm | RMSNorm):
            module.weight.fill_(1)
    parameters = dict(model.named_parameters())
    for name, array in construction.weights.items():
        parameters[name].copy_(torch.as_tensor(array))
    return model.eval()
