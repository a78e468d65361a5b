"""Lossary: every loss function under one contract."""

from .base import LossBase as LossBase
from .catalog import catalog as catalog
from .check import CheckReport as CheckReport, check as check
from .features import FeatureExtractor as FeatureExtractor
from .fuse import fuse as fuse, gradient_buffers as gradient_buffers
from .kernels.vocabulary import (
    vocab_parallel_linear_cross_entropy as vocab_parallel_linear_cross_entropy,
)
from .losses.binary.balanced_binary_cross_entropy import (
    BalancedBinaryCrossEntropyLoss as BalancedBinaryCrossEntropyLoss,
    balanced_binary_cross_entropy as balanced_binary_cross_entropy,
)
from .losses.binary.binary_cross_entropy import (
    BCELoss as BCELoss,
    BCEWithLogitsLoss as BCEWithLogitsLoss,
    binary_cross_entropy as binary_cross_entropy,
    binary_cross_entropy_with_logits as binary_cross_entropy_with_logits,
)
from .losses.binary.sigmoid_focal import (
    SigmoidFocalLoss as SigmoidFocalLoss,
    sigmoid_focal_loss as sigmoid_focal_loss,
)
from .losses.classification.balanced_cross_entropy import (
    BalancedCrossEntropyLoss as BalancedCrossEntropyLoss,
    balanced_cross_entropy as balanced_cross_entropy,
)
from .losses.classification.cross_entropy import (
    CrossEntropyLoss as CrossEntropyLoss,
    cross_entropy as cross_entropy,
)
from .losses.classification.focal import FocalLoss as FocalLoss, focal_loss as focal_loss
from .losses.classification.linear_cross_entropy import (
    LinearCrossEntropyLoss as LinearCrossEntropyLoss,
    linear_cross_entropy as linear_cross_entropy,
)
from .losses.classification.linear_focal import (
    LinearFocalLoss as LinearFocalLoss,
    linear_focal_loss as linear_focal_loss,
)
from .losses.classification.nll import NLLLoss as NLLLoss, nll_loss as nll_loss
from .losses.classification.sampled_softmax import (
    SampledSoftmaxLoss as SampledSoftmaxLoss,
    sampled_softmax_loss as sampled_softmax_loss,
)
from .losses.classification.zero_one import (
    ZeroOneLoss as ZeroOneLoss,
    zero_one_loss as zero_one_loss,
)
from .losses.divergence.entropy import EntropyLoss as EntropyLoss, entropy as entropy
from .losses.divergence.kl import (
    KLDivergenceLoss as KLDivergenceLoss,
    kl_divergence as kl_divergence,
)
from .losses.divergence.linear_distillation import (
    LinearDistillationLoss as LinearDistillationLoss,
    linear_distillation_loss as linear_distillation_loss,
)
from .losses.gan.gradient_penalty import (
    GradientPenalty as GradientPenalty,
    gradient_penalty as gradient_penalty,
)
from .losses.gan.least_squares import (
    LeastSquaresDiscriminatorLoss as LeastSquaresDiscriminatorLoss,
    LeastSquaresGeneratorLoss as LeastSquaresGeneratorLoss,
    least_squares_discriminator_loss as least_squares_discriminator_loss,
    least_squares_generator_loss as least_squares_generator_loss,
)
from .losses.gan.loss_sensitive import (
    GeneralizedLossSensitiveDiscriminatorLoss as GeneralizedLossSensitiveDiscriminatorLoss,
    LossSensitiveDiscriminatorLoss as LossSensitiveDiscriminatorLoss,
    LossSensitiveGeneratorLoss as LossSensitiveGeneratorLoss,
    generalized_loss_sensitive_discriminator_loss as generalized_loss_sensitive_discriminator_loss,
    loss_sensitive_discriminator_loss as loss_sensitive_discriminator_loss,
    loss_sensitive_generator_loss as loss_sensitive_generator_loss,
)
from .losses.gan.minimax import (
    MinimaxDiscriminatorLoss as MinimaxDiscriminatorLoss,
    MinimaxGeneratorLoss as MinimaxGeneratorLoss,
    NonSaturatingGeneratorLoss as NonSaturatingGeneratorLoss,
    minimax_discriminator_loss as minimax_discriminator_loss,
    minimax_generator_loss as minimax_generator_loss,
    non_saturating_generator_loss as non_saturating_generator_loss,
)
from .losses.gan.wasserstein import (
    WassersteinDiscriminatorLoss as WassersteinDiscriminatorLoss,
    WassersteinGeneratorLoss as WassersteinGeneratorLoss,
    wasserstein_discriminator_loss as wasserstein_discriminator_loss,
    wasserstein_generator_loss as wasserstein_generator_loss,
)
from .losses.image.perceptual import (
    PerceptualLoss as PerceptualLoss,
    perceptual_loss as perceptual_loss,
)
from .losses.image.style import StyleLoss as StyleLoss, style_loss as style_loss
from .losses.margin.exponential import (
    ExponentialLoss as ExponentialLoss,
    exponential_loss as exponential_loss,
)
from .losses.margin.hinge import (
    HingeLoss as HingeLoss,
    SquaredHingeLoss as SquaredHingeLoss,
    hinge_loss as hinge_loss,
    squared_hinge_loss as squared_hinge_loss,
)
from .losses.margin.logistic import LogisticLoss as LogisticLoss, logistic_loss as logistic_loss
from .losses.margin.multi_margin import (
    CrammerSingerLoss as CrammerSingerLoss,
    MultiMarginLoss as MultiMarginLoss,
    crammer_singer_loss as crammer_singer_loss,
    multi_margin_loss as multi_margin_loss,
)
from .losses.metric.arcface import ArcFaceLoss as ArcFaceLoss, arcface_loss as arcface_loss
from .losses.metric.center import CenterLoss as CenterLoss, center_loss as center_loss
from .losses.metric.cosface import CosFaceLoss as CosFaceLoss, cosface_loss as cosface_loss
from .losses.metric.cosine_embedding import (
    CosineEmbeddingLoss as CosineEmbeddingLoss,
    cosine_embedding_loss as cosine_embedding_loss,
)
from .losses.metric.large_margin_softmax import (
    LargeMarginSoftmaxLoss as LargeMarginSoftmaxLoss,
    large_margin_softmax_loss as large_margin_softmax_loss,
)
from .losses.metric.normalized_softmax import (
    NormalizedSoftmaxLoss as NormalizedSoftmaxLoss,
    normalized_softmax_loss as normalized_softmax_loss,
)
from .losses.metric.sphereface import (
    SphereFaceLoss as SphereFaceLoss,
    sphereface_loss as sphereface_loss,
)
from .losses.regression.huber import (
    HuberLoss as HuberLoss,
    SmoothL1Loss as SmoothL1Loss,
    huber_loss as huber_loss,
    smooth_l1_loss as smooth_l1_loss,
)
from .losses.regression.l1 import L1Loss as L1Loss, l1_loss as l1_loss
from .losses.regression.mse import MSELoss as MSELoss, mse_loss as mse_loss
from .parts import Parts as Parts, parts as parts
from .reduction import Reduction as Reduction, reduce as reduce
from .signature import signature as signature
from .validation import validation as validation
