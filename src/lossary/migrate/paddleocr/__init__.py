"""The losses of PaddleOCR on torch tensors, called as ``loss(predicts, batch)``.

Names, arguments, values and the names of the results are those of ``ppocr.losses`` as of June
2026, and what is peculiar about them is in the docstrings. The loss to differentiate is
``loss(...)["loss"]``. :func:`build_loss` makes one of a configuration. ``CELoss`` is the one of
recognition; that of ``basic_loss`` is in :mod:`.basic`, with others that take tensors in place of
a batch.

>>> ClsLoss()(torch.zeros(2, 2), [None, torch.tensor([0, 1])])
{'loss': tensor(0.6931)}
"""

from .basic import (
    BalanceLoss as BalanceLoss,
    BCELoss as BCELoss,
    DiceFocalLoss as DiceFocalLoss,
    DiceLoss as DiceLoss,
    DistanceLoss as DistanceLoss,
    DKDLoss as DKDLoss,
    DMLLoss as DMLLoss,
    KLDivLoss as KLDivLoss,
    KLJSLoss as KLJSLoss,
    LossFromOutput as LossFromOutput,
    MaskedFocalLoss as MaskedFocalLoss,
    MaskL1Loss as MaskL1Loss,
)
from .combined import CombinedLoss as CombinedLoss, build_loss as build_loss
from .detection import (
    DBLoss as DBLoss,
    EASTLoss as EASTLoss,
    PSELoss as PSELoss,
    SASTLoss as SASTLoss,
)
from .distillation import (
    DistillationCTCLoss as DistillationCTCLoss,
    DistillationDBLoss as DistillationDBLoss,
    DistillationDilaDBLoss as DistillationDilaDBLoss,
    DistillationDistanceLoss as DistillationDistanceLoss,
    DistillationDKDLoss as DistillationDKDLoss,
    DistillationDMLLoss as DistillationDMLLoss,
    DistillationKLDivLoss as DistillationKLDivLoss,
    DistillationLossFromOutput as DistillationLossFromOutput,
    DistillationNRTRLoss as DistillationNRTRLoss,
    DistillationSARLoss as DistillationSARLoss,
    DistillationSERDMLLoss as DistillationSERDMLLoss,
    DistillationVQADistanceLoss as DistillationVQADistanceLoss,
    DistillationVQASerTokenLayoutLMLoss as DistillationVQASerTokenLayoutLMLoss,
    DistillCTCLogits as DistillCTCLogits,
)
from .recognition import (
    ACELoss as ACELoss,
    AsterLoss as AsterLoss,
    AttentionLoss as AttentionLoss,
    CANLoss as CANLoss,
    CELoss as CELoss,
    CenterLoss as CenterLoss,
    ClsLoss as ClsLoss,
    CPPDLoss as CPPDLoss,
    CTCLoss as CTCLoss,
    LaTeXOCRLoss as LaTeXOCRLoss,
    MultiLoss as MultiLoss,
    NRTRLoss as NRTRLoss,
    ParseQLoss as ParseQLoss,
    PPFormulaNet_L_Loss as PPFormulaNet_L_Loss,
    PPFormulaNet_S_Loss as PPFormulaNet_S_Loss,
    PRENLoss as PRENLoss,
    RFLLoss as RFLLoss,
    SARLoss as SARLoss,
    SATRNLoss as SATRNLoss,
    SDMGRLoss as SDMGRLoss,
    SLALoss as SLALoss,
    SPINAttentionLoss as SPINAttentionLoss,
    SRNLoss as SRNLoss,
    TableAttentionLoss as TableAttentionLoss,
    TableMasterLoss as TableMasterLoss,
    UniMERNetLoss as UniMERNetLoss,
    VLLoss as VLLoss,
    VQASerTokenLayoutLMLoss as VQASerTokenLayoutLMLoss,
)
