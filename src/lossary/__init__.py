"""Lossary: every loss function under one contract."""

from importlib import import_module as _import_module
from typing import TYPE_CHECKING

from .base import LossBase as LossBase
from .catalog import catalog as catalog
from .check import CheckReport as CheckReport, check as check
from .compose import (
    DeepSupervision as DeepSupervision,
    DynamicWeightAverage as DynamicWeightAverage,
    GradNorm as GradNorm,
    HardUnits as HardUnits,
    UncertaintyWeightedSum as UncertaintyWeightedSum,
    WeightedSum as WeightedSum,
    WholeBatch as WholeBatch,
    ramp as ramp,
)
from .explore import landscape as landscape, plot as plot, training_film as training_film
from .features import FeatureExtractor as FeatureExtractor
from .fuse import fuse as fuse, gradient_buffers as gradient_buffers
from .kernels.vocabulary import (
    vocab_parallel_linear_cross_entropy as vocab_parallel_linear_cross_entropy,
)
from .losses.audio.error_to_signal import (
    ErrorToSignalRatioLoss as ErrorToSignalRatioLoss,
    SDSDRLoss as SDSDRLoss,
    error_to_signal_ratio_loss as error_to_signal_ratio_loss,
    sd_sdr_loss as sd_sdr_loss,
)
from .losses.audio.log_spectral import (
    LogSpectralDistanceLoss as LogSpectralDistanceLoss,
    log_spectral_distance_loss as log_spectral_distance_loss,
)
from .losses.audio.signal_ratio import (
    PITSISDRLoss as PITSISDRLoss,
    SISDRLoss as SISDRLoss,
    SNRLoss as SNRLoss,
    pit_si_sdr_loss as pit_si_sdr_loss,
    si_sdr_loss as si_sdr_loss,
    snr_loss as snr_loss,
)
from .losses.audio.stft import (
    MultiResolutionSTFTLoss as MultiResolutionSTFTLoss,
    STFTLoss as STFTLoss,
    multi_resolution_stft_loss as multi_resolution_stft_loss,
    stft_loss as stft_loss,
)
from .losses.binary.asymmetric import (
    AsymmetricLoss as AsymmetricLoss,
    HillLoss as HillLoss,
    asymmetric_loss as asymmetric_loss,
    hill_loss as hill_loss,
)
from .losses.binary.auc_margin import (
    AUCMarginLoss as AUCMarginLoss,
    auc_margin_loss as auc_margin_loss,
)
from .losses.binary.auc_pairs import (
    AUCLogisticLoss as AUCLogisticLoss,
    AUCSquaredHingeLoss as AUCSquaredHingeLoss,
    PartialAUCLoss as PartialAUCLoss,
    auc_logistic_loss as auc_logistic_loss,
    auc_squared_hinge_loss as auc_squared_hinge_loss,
    partial_auc_loss as partial_auc_loss,
)
from .losses.binary.average_precision import (
    AveragePrecisionLoss as AveragePrecisionLoss,
    RunningAveragePrecisionLoss as RunningAveragePrecisionLoss,
    average_precision_loss as average_precision_loss,
    running_average_precision_loss as running_average_precision_loss,
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
from .losses.binary.distribution_balanced import (
    DistributionBalancedLoss as DistributionBalancedLoss,
    distribution_balanced_loss as distribution_balanced_loss,
)
from .losses.binary.gradient_harmonized import (
    GradientHarmonizedLoss as GradientHarmonizedLoss,
    gradient_harmonized_loss as gradient_harmonized_loss,
)
from .losses.binary.multi_label import (
    MultiLabelMarginLoss as MultiLabelMarginLoss,
    MultiLabelSoftMarginLoss as MultiLabelSoftMarginLoss,
    ZLPRLoss as ZLPRLoss,
    multi_label_margin_loss as multi_label_margin_loss,
    multi_label_soft_margin_loss as multi_label_soft_margin_loss,
    zlpr_loss as zlpr_loss,
)
from .losses.binary.negative_sampling import (
    NegativeSamplingLoss as NegativeSamplingLoss,
    NoiseContrastiveLoss as NoiseContrastiveLoss,
    negative_sampling_loss as negative_sampling_loss,
    noise_contrastive_loss as noise_contrastive_loss,
)
from .losses.binary.partial_asymmetric import (
    PartialAsymmetricLoss as PartialAsymmetricLoss,
    partial_asymmetric_loss as partial_asymmetric_loss,
)
from .losses.binary.poly import (
    PolyBCELoss as PolyBCELoss,
    poly_binary_cross_entropy as poly_binary_cross_entropy,
)
from .losses.binary.positive_unlabelled import (
    NNPULoss as NNPULoss,
    PULoss as PULoss,
    nnpu_loss as nnpu_loss,
    pu_loss as pu_loss,
)
from .losses.binary.quality_focal import (
    DistributionFocalLoss as DistributionFocalLoss,
    GaussianFocalLoss as GaussianFocalLoss,
    QualityFocalLoss as QualityFocalLoss,
    VarifocalLoss as VarifocalLoss,
    distribution_focal_loss as distribution_focal_loss,
    gaussian_focal_loss as gaussian_focal_loss,
    quality_focal_loss as quality_focal_loss,
    varifocal_loss as varifocal_loss,
)
from .losses.binary.sigmoid_focal import (
    SigmoidFocalLoss as SigmoidFocalLoss,
    sigmoid_focal_loss as sigmoid_focal_loss,
)
from .losses.binary.soft_f import (
    SoftFLoss as SoftFLoss,
    soft_f_loss as soft_f_loss,
)
from .losses.binary.two_way import (
    TwoWayLoss as TwoWayLoss,
    two_way_loss as two_way_loss,
)
from .losses.boxes.bounded_iou import (
    BoundedIoULoss as BoundedIoULoss,
    bounded_iou_loss as bounded_iou_loss,
)
from .losses.boxes.diou import (
    CIoULoss as CIoULoss,
    DIoULoss as DIoULoss,
    ciou_loss as ciou_loss,
    diou_loss as diou_loss,
)
from .losses.boxes.eiou import (
    EIoULoss as EIoULoss,
    eiou_loss as eiou_loss,
)
from .losses.boxes.focal_eiou import (
    FocalEIoULoss as FocalEIoULoss,
    focal_eiou_loss as focal_eiou_loss,
)
from .losses.boxes.gaussian_wasserstein import (
    GaussianWassersteinLoss as GaussianWassersteinLoss,
    gaussian_wasserstein_loss as gaussian_wasserstein_loss,
)
from .losses.boxes.giou import (
    GIoULoss as GIoULoss,
    giou_loss as giou_loss,
)
from .losses.boxes.inner_iou import (
    FocalerIoULoss as FocalerIoULoss,
    InnerIoULoss as InnerIoULoss,
    focaler_iou_loss as focaler_iou_loss,
    inner_iou_loss as inner_iou_loss,
)
from .losses.boxes.iou import (
    AlphaIoULoss as AlphaIoULoss,
    IoULoss as IoULoss,
    LogIoULoss as LogIoULoss,
    alpha_iou_loss as alpha_iou_loss,
    iou_loss as iou_loss,
    log_iou_loss as log_iou_loss,
)
from .losses.boxes.kfiou import (
    KFIoULoss as KFIoULoss,
    kfiou_loss as kfiou_loss,
)
from .losses.boxes.kullback_leibler_box import (
    KullbackLeiblerBoxLoss as KullbackLeiblerBoxLoss,
    kullback_leibler_box_loss as kullback_leibler_box_loss,
)
from .losses.boxes.mpdiou import (
    MPDIoULoss as MPDIoULoss,
    mpdiou_loss as mpdiou_loss,
)
from .losses.boxes.probiou import (
    ProbIoULoss as ProbIoULoss,
    probiou_loss as probiou_loss,
)
from .losses.boxes.repulsion import (
    RepulsionBoxLoss as RepulsionBoxLoss,
    RepulsionTruthLoss as RepulsionTruthLoss,
    repulsion_box_loss as repulsion_box_loss,
    repulsion_truth_loss as repulsion_truth_loss,
)
from .losses.boxes.shape_iou import (
    ShapeIoULoss as ShapeIoULoss,
    shape_iou_loss as shape_iou_loss,
)
from .losses.boxes.siou import (
    SIoULoss as SIoULoss,
    siou_loss as siou_loss,
)
from .losses.boxes.wise_iou import (
    WiseIoULoss as WiseIoULoss,
    wise_iou_loss as wise_iou_loss,
)
from .losses.classification.active_passive import (
    ActivePassiveLoss as ActivePassiveLoss,
    MeanAbsoluteProbabilityLoss as MeanAbsoluteProbabilityLoss,
    active_passive_loss as active_passive_loss,
    mean_absolute_probability_loss as mean_absolute_probability_loss,
)
from .losses.classification.adaptive_softmax import (
    AdaptiveSoftmaxLoss as AdaptiveSoftmaxLoss,
    adaptive_softmax_loss as adaptive_softmax_loss,
)
from .losses.classification.balanced_cross_entropy import (
    BalancedCrossEntropyLoss as BalancedCrossEntropyLoss,
    balanced_cross_entropy as balanced_cross_entropy,
)
from .losses.classification.bootstrapping import (
    HardBootstrappingLoss as HardBootstrappingLoss,
    SoftBootstrappingLoss as SoftBootstrappingLoss,
    hard_bootstrapping_loss as hard_bootstrapping_loss,
    soft_bootstrapping_loss as soft_bootstrapping_loss,
)
from .losses.classification.brier import (
    BrierLoss as BrierLoss,
    SphericalLoss as SphericalLoss,
    brier_loss as brier_loss,
    spherical_loss as spherical_loss,
)
from .losses.classification.co_teaching import (
    CoTeachingLoss as CoTeachingLoss,
    co_teaching_loss as co_teaching_loss,
)
from .losses.classification.confidence_penalty import (
    ConfidencePenaltyLoss as ConfidencePenaltyLoss,
    confidence_penalty_loss as confidence_penalty_loss,
)
from .losses.classification.consistency import (
    JensenShannonConsistencyLoss as JensenShannonConsistencyLoss,
    jensen_shannon_consistency_loss as jensen_shannon_consistency_loss,
)
from .losses.classification.cross_entropy import (
    CrossEntropyLoss as CrossEntropyLoss,
    cross_entropy as cross_entropy,
)
from .losses.classification.cyclical_focal import (
    CyclicalFocalLoss as CyclicalFocalLoss,
    cyclical_focal_loss as cyclical_focal_loss,
)
from .losses.classification.dual_focal import (
    DualFocalLoss as DualFocalLoss,
    dual_focal_loss as dual_focal_loss,
)
from .losses.classification.early_learning import (
    EarlyLearningLoss as EarlyLearningLoss,
    early_learning_loss as early_learning_loss,
)
from .losses.classification.entmax import (
    EntmaxLoss as EntmaxLoss,
    entmax_loss as entmax_loss,
)
from .losses.classification.equalization import (
    EqualizationLoss as EqualizationLoss,
    EqualizationV2Loss as EqualizationV2Loss,
    equalization_loss as equalization_loss,
    equalization_v2_loss as equalization_v2_loss,
)
from .losses.classification.evidential import (
    EvidentialLoss as EvidentialLoss,
    evidential_loss as evidential_loss,
)
from .losses.classification.fenchel_young import (
    FenchelYoungLoss as FenchelYoungLoss,
    fenchel_young_loss as fenchel_young_loss,
)
from .losses.classification.focal import FocalLoss as FocalLoss, focal_loss as focal_loss
from .losses.classification.generalized_cross_entropy import (
    GeneralizedCrossEntropyLoss as GeneralizedCrossEntropyLoss,
    TaylorCrossEntropyLoss as TaylorCrossEntropyLoss,
    generalized_cross_entropy as generalized_cross_entropy,
    taylor_cross_entropy as taylor_cross_entropy,
)
from .losses.classification.hierarchical_softmax import (
    HierarchicalSoftmaxLoss as HierarchicalSoftmaxLoss,
    hierarchical_softmax_loss as hierarchical_softmax_loss,
)
from .losses.classification.in_trust import (
    InTrustLoss as InTrustLoss,
    in_trust_loss as in_trust_loss,
)
from .losses.classification.influence_balanced import (
    InfluenceBalancedLoss as InfluenceBalancedLoss,
    influence_balanced_loss as influence_balanced_loss,
)
from .losses.classification.label_disentangling import (
    LabelDisentanglingLoss as LabelDisentanglingLoss,
    label_disentangling_loss as label_disentangling_loss,
)
from .losses.classification.label_relaxation import (
    LabelRelaxationLoss as LabelRelaxationLoss,
    label_relaxation_loss as label_relaxation_loss,
)
from .losses.classification.linear_cross_entropy import (
    LinearCrossEntropyLoss as LinearCrossEntropyLoss,
    linear_cross_entropy as linear_cross_entropy,
)
from .losses.classification.linear_focal import (
    LinearFocalLoss as LinearFocalLoss,
    linear_focal_loss as linear_focal_loss,
)
from .losses.classification.logit_adjusted import (
    BalancedSoftmaxLoss as BalancedSoftmaxLoss,
    ClassBalancedCrossEntropyLoss as ClassBalancedCrossEntropyLoss,
    LDAMLoss as LDAMLoss,
    LogitAdjustedLoss as LogitAdjustedLoss,
    VectorScalingLoss as VectorScalingLoss,
    balanced_softmax_loss as balanced_softmax_loss,
    class_balanced_cross_entropy as class_balanced_cross_entropy,
    label_distribution_margin_loss as label_distribution_margin_loss,
    logit_adjusted_loss as logit_adjusted_loss,
    vector_scaling_loss as vector_scaling_loss,
)
from .losses.classification.logit_norm import (
    LogitNormLoss as LogitNormLoss,
    logit_norm_loss as logit_norm_loss,
)
from .losses.classification.mixup import (
    MixupCrossEntropyLoss as MixupCrossEntropyLoss,
    mixup_cross_entropy as mixup_cross_entropy,
)
from .losses.classification.multi_positive import (
    MultiPositiveCrossEntropyLoss as MultiPositiveCrossEntropyLoss,
    multi_positive_cross_entropy_loss as multi_positive_cross_entropy_loss,
)
from .losses.classification.nll import NLLLoss as NLLLoss, nll_loss as nll_loss
from .losses.classification.normalized_cross_entropy import (
    NormalizedCrossEntropyLoss as NormalizedCrossEntropyLoss,
    normalized_cross_entropy as normalized_cross_entropy,
)
from .losses.classification.peer import (
    PeerLoss as PeerLoss,
    peer_loss as peer_loss,
)
from .losses.classification.poly import (
    PolyCrossEntropyLoss as PolyCrossEntropyLoss,
    poly_cross_entropy as poly_cross_entropy,
)
from .losses.classification.sampled_softmax import (
    SampledSoftmaxLoss as SampledSoftmaxLoss,
    sampled_softmax_loss as sampled_softmax_loss,
)
from .losses.classification.seesaw import (
    SeesawLoss as SeesawLoss,
    seesaw_loss as seesaw_loss,
)
from .losses.classification.sparse import (
    Entmax15Loss as Entmax15Loss,
    SparsemaxLoss as SparsemaxLoss,
    entmax15_loss as entmax15_loss,
    sparsemax_loss as sparsemax_loss,
)
from .losses.classification.symmetric_cross_entropy import (
    SymmetricCrossEntropyLoss as SymmetricCrossEntropyLoss,
    symmetric_cross_entropy as symmetric_cross_entropy,
)
from .losses.classification.zero_one import (
    ZeroOneLoss as ZeroOneLoss,
    zero_one_loss as zero_one_loss,
)
from .losses.distillation.class_relations import (
    InterclassRelationLoss as InterclassRelationLoss,
    IntraclassRelationLoss as IntraclassRelationLoss,
    interclass_relation_loss as interclass_relation_loss,
    intraclass_relation_loss as intraclass_relation_loss,
)
from .losses.distillation.contrastive_representation import (
    ContrastiveRepresentationDistillationLoss as ContrastiveRepresentationDistillationLoss,
    contrastive_representation_distillation_loss as contrastive_representation_distillation_loss,
)
from .losses.distillation.features import (
    AttentionTransferLoss as AttentionTransferLoss,
    HintLoss as HintLoss,
    NeuronSelectivityLoss as NeuronSelectivityLoss,
    attention_transfer_loss as attention_transfer_loss,
    hint_loss as hint_loss,
    neuron_selectivity_loss as neuron_selectivity_loss,
)
from .losses.distillation.logits import (
    DecoupledDistillationLoss as DecoupledDistillationLoss,
    DistillationLoss as DistillationLoss,
    GeneralizedJSDLoss as GeneralizedJSDLoss,
    SkewKLLoss as SkewKLLoss,
    SkewReverseKLLoss as SkewReverseKLLoss,
    decoupled_distillation_loss as decoupled_distillation_loss,
    distillation_loss as distillation_loss,
    generalized_jsd_loss as generalized_jsd_loss,
    skew_kl_loss as skew_kl_loss,
    skew_reverse_kl_loss as skew_reverse_kl_loss,
)
from .losses.distillation.mutual_learning import (
    MutualLearningLoss as MutualLearningLoss,
    mutual_learning_loss as mutual_learning_loss,
)
from .losses.distillation.probabilistic_transfer import (
    CorrelationCongruenceLoss as CorrelationCongruenceLoss,
    ProbabilisticKnowledgeTransferLoss as ProbabilisticKnowledgeTransferLoss,
    correlation_congruence_loss as correlation_congruence_loss,
    probabilistic_knowledge_transfer_loss as probabilistic_knowledge_transfer_loss,
)
from .losses.distillation.relations import (
    RKDAngleLoss as RKDAngleLoss,
    RKDDistanceLoss as RKDDistanceLoss,
    SimilarityPreservingLoss as SimilarityPreservingLoss,
    rkd_angle_loss as rkd_angle_loss,
    rkd_distance_loss as rkd_distance_loss,
    similarity_preserving_loss as similarity_preserving_loss,
)
from .losses.distillation.standardized import (
    StandardizedDistillationLoss as StandardizedDistillationLoss,
    standardized_distillation_loss as standardized_distillation_loss,
)
from .losses.distillation.variational_information import (
    VariationalInformationDistillationLoss as VariationalInformationDistillationLoss,
    variational_information_distillation_loss as variational_information_distillation_loss,
)
from .losses.divergence.alpha import (
    AlphaDivergence as AlphaDivergence,
    RenyiDivergence as RenyiDivergence,
    alpha_divergence as alpha_divergence,
    renyi_divergence as renyi_divergence,
)
from .losses.divergence.distances import (
    BhattacharyyaDistance as BhattacharyyaDistance,
    ChiSquaredDivergence as ChiSquaredDivergence,
    SquaredHellingerDistance as SquaredHellingerDistance,
    TotalVariationDistance as TotalVariationDistance,
    bhattacharyya_distance as bhattacharyya_distance,
    chi_squared_divergence as chi_squared_divergence,
    squared_hellinger_distance as squared_hellinger_distance,
    total_variation_distance as total_variation_distance,
)
from .losses.divergence.entropy import EntropyLoss as EntropyLoss, entropy as entropy
from .losses.divergence.gaussian_kl import (
    GaussianKLDivergence as GaussianKLDivergence,
    gaussian_kl_divergence as gaussian_kl_divergence,
)
from .losses.divergence.jensen_shannon import (
    JeffreysDivergence as JeffreysDivergence,
    JensenShannonDivergence as JensenShannonDivergence,
    ReverseKLDivergence as ReverseKLDivergence,
    jeffreys_divergence as jeffreys_divergence,
    jensen_shannon_divergence as jensen_shannon_divergence,
    reverse_kl_divergence as reverse_kl_divergence,
)
from .losses.divergence.kl import (
    KLDivergenceLoss as KLDivergenceLoss,
    kl_divergence as kl_divergence,
)
from .losses.divergence.linear_distillation import (
    LinearDistillationLoss as LinearDistillationLoss,
    linear_distillation_loss as linear_distillation_loss,
)
from .losses.gan.auxiliary_classifier import (
    AuxiliaryClassifierDiscriminatorLoss as AuxiliaryClassifierDiscriminatorLoss,
    AuxiliaryClassifierGeneratorLoss as AuxiliaryClassifierGeneratorLoss,
    auxiliary_classifier_discriminator_loss as auxiliary_classifier_discriminator_loss,
    auxiliary_classifier_generator_loss as auxiliary_classifier_generator_loss,
)
from .losses.gan.boundary_equilibrium import (
    BoundaryEquilibriumDiscriminatorLoss as BoundaryEquilibriumDiscriminatorLoss,
    BoundaryEquilibriumGeneratorLoss as BoundaryEquilibriumGeneratorLoss,
    boundary_equilibrium_discriminator_loss as boundary_equilibrium_discriminator_loss,
    boundary_equilibrium_generator_loss as boundary_equilibrium_generator_loss,
)
from .losses.gan.dragan import (
    DRAGANPenalty as DRAGANPenalty,
    dragan_penalty as dragan_penalty,
)
from .losses.gan.energy_based import (
    EnergyBasedDiscriminatorLoss as EnergyBasedDiscriminatorLoss,
    EnergyBasedGeneratorLoss as EnergyBasedGeneratorLoss,
    energy_based_discriminator_loss as energy_based_discriminator_loss,
    energy_based_generator_loss as energy_based_generator_loss,
)
from .losses.gan.feature_matching import (
    FeatureMatchingLoss as FeatureMatchingLoss,
    feature_matching_loss as feature_matching_loss,
)
from .losses.gan.gradient_penalty import (
    GradientPenalty as GradientPenalty,
    gradient_penalty as gradient_penalty,
)
from .losses.gan.hinge import (
    HingeDiscriminatorLoss as HingeDiscriminatorLoss,
    HingeGeneratorLoss as HingeGeneratorLoss,
    hinge_discriminator_loss as hinge_discriminator_loss,
    hinge_generator_loss as hinge_generator_loss,
)
from .losses.gan.least_squares import (
    LeastSquaresDiscriminatorLoss as LeastSquaresDiscriminatorLoss,
    LeastSquaresGeneratorLoss as LeastSquaresGeneratorLoss,
    least_squares_discriminator_loss as least_squares_discriminator_loss,
    least_squares_generator_loss as least_squares_generator_loss,
)
from .losses.gan.lipschitz_penalty import (
    LipschitzPenalty as LipschitzPenalty,
    lipschitz_penalty as lipschitz_penalty,
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
from .losses.gan.mode_seeking import (
    ModeSeekingLoss as ModeSeekingLoss,
    mode_seeking_loss as mode_seeking_loss,
)
from .losses.gan.path_length import (
    PathLengthPenalty as PathLengthPenalty,
    path_length_penalty as path_length_penalty,
)
from .losses.gan.pulling_away import (
    PullingAwayLoss as PullingAwayLoss,
    pulling_away_loss as pulling_away_loss,
)
from .losses.gan.r1_r2 import (
    R1Penalty as R1Penalty,
    R2Penalty as R2Penalty,
    r1_penalty as r1_penalty,
    r2_penalty as r2_penalty,
)
from .losses.gan.relativistic import (
    RelativisticDiscriminatorLoss as RelativisticDiscriminatorLoss,
    RelativisticGeneratorLoss as RelativisticGeneratorLoss,
    relativistic_discriminator_loss as relativistic_discriminator_loss,
    relativistic_generator_loss as relativistic_generator_loss,
)
from .losses.gan.relativistic_average import (
    RelativisticAverageDiscriminatorLoss as RelativisticAverageDiscriminatorLoss,
    RelativisticAverageGeneratorLoss as RelativisticAverageGeneratorLoss,
    RelativisticAverageHingeDiscriminatorLoss as RelativisticAverageHingeDiscriminatorLoss,
    RelativisticAverageHingeGeneratorLoss as RelativisticAverageHingeGeneratorLoss,
    RelativisticAverageLeastSquaresDiscriminatorLoss as RelativisticAverageLeastSquaresDiscriminatorLoss,
    RelativisticAverageLeastSquaresGeneratorLoss as RelativisticAverageLeastSquaresGeneratorLoss,
    relativistic_average_discriminator_loss as relativistic_average_discriminator_loss,
    relativistic_average_generator_loss as relativistic_average_generator_loss,
    relativistic_average_hinge_discriminator_loss as relativistic_average_hinge_discriminator_loss,
    relativistic_average_hinge_generator_loss as relativistic_average_hinge_generator_loss,
    relativistic_average_least_squares_discriminator_loss as relativistic_average_least_squares_discriminator_loss,
    relativistic_average_least_squares_generator_loss as relativistic_average_least_squares_generator_loss,
)
from .losses.gan.wasserstein import (
    WassersteinDiscriminatorLoss as WassersteinDiscriminatorLoss,
    WassersteinGeneratorLoss as WassersteinGeneratorLoss,
    wasserstein_discriminator_loss as wasserstein_discriminator_loss,
    wasserstein_generator_loss as wasserstein_generator_loss,
)
from .losses.image.census import (
    CensusLoss as CensusLoss,
    census_loss as census_loss,
)
from .losses.image.color_difference import (
    CIEDE2000Loss as CIEDE2000Loss,
    ciede2000_loss as ciede2000_loss,
)
from .losses.image.contextual import (
    ContextualLoss as ContextualLoss,
    contextual_loss as contextual_loss,
)
from .losses.image.depth import (
    DepthGradientLoss as DepthGradientLoss,
    EdgeAwareSmoothnessLoss as EdgeAwareSmoothnessLoss,
    SILogLoss as SILogLoss,
    depth_gradient_loss as depth_gradient_loss,
    edge_aware_smoothness_loss as edge_aware_smoothness_loss,
    silog_loss as silog_loss,
)
from .losses.image.displacement import (
    BendingEnergyLoss as BendingEnergyLoss,
    DiffusionRegularizationLoss as DiffusionRegularizationLoss,
    bending_energy_loss as bending_energy_loss,
    diffusion_regularization_loss as diffusion_regularization_loss,
)
from .losses.image.edges import (
    GradientDifferenceLoss as GradientDifferenceLoss,
    SobelLoss as SobelLoss,
    gradient_difference_loss as gradient_difference_loss,
    sobel_loss as sobel_loss,
)
from .losses.image.flow import (
    EndPointErrorLoss as EndPointErrorLoss,
    RobustFlowLoss as RobustFlowLoss,
    end_point_error_loss as end_point_error_loss,
    robust_flow_loss as robust_flow_loss,
)
from .losses.image.focal_frequency import (
    FocalFrequencyLoss as FocalFrequencyLoss,
    focal_frequency_loss as focal_frequency_loss,
)
from .losses.image.gmsd import (
    GMSDLoss as GMSDLoss,
    gmsd_loss as gmsd_loss,
)
from .losses.image.laplacian_pyramid import (
    LaplacianPyramidLoss as LaplacianPyramidLoss,
    laplacian_pyramid_loss as laplacian_pyramid_loss,
)
from .losses.image.lpips import (
    LPIPSLoss as LPIPSLoss,
    lpips_loss as lpips_loss,
)
from .losses.image.multi_scale_gradient import (
    MultiScaleGradientLoss as MultiScaleGradientLoss,
    multi_scale_gradient_loss as multi_scale_gradient_loss,
)
from .losses.image.mutual_information import (
    MutualInformationLoss as MutualInformationLoss,
    mutual_information_loss as mutual_information_loss,
)
from .losses.image.ncc import (
    LocalNCCLoss as LocalNCCLoss,
    NCCLoss as NCCLoss,
    local_ncc_loss as local_ncc_loss,
    ncc_loss as ncc_loss,
)
from .losses.image.perceptual import (
    PerceptualLoss as PerceptualLoss,
    perceptual_loss as perceptual_loss,
)
from .losses.image.photometric import (
    PhotometricLoss as PhotometricLoss,
    photometric_loss as photometric_loss,
)
from .losses.image.psnr import (
    PSNRLoss as PSNRLoss,
    psnr_loss as psnr_loss,
)
from .losses.image.ssim import (
    MSSSIMLoss as MSSSIMLoss,
    SSIMLoss as SSIMLoss,
    ms_ssim_loss as ms_ssim_loss,
    ssim_loss as ssim_loss,
)
from .losses.image.style import StyleLoss as StyleLoss, style_loss as style_loss
from .losses.image.total_variation import (
    TotalVariationLoss as TotalVariationLoss,
    total_variation_loss as total_variation_loss,
)
from .losses.likelihood.crps import (
    EnsembleCRPSLoss as EnsembleCRPSLoss,
    GaussianCRPSLoss as GaussianCRPSLoss,
    ensemble_crps_loss as ensemble_crps_loss,
    gaussian_crps_loss as gaussian_crps_loss,
)
from .losses.likelihood.deviance import (
    GammaDevianceLoss as GammaDevianceLoss,
    PoissonDevianceLoss as PoissonDevianceLoss,
    TweedieDevianceLoss as TweedieDevianceLoss,
    gamma_deviance_loss as gamma_deviance_loss,
    poisson_deviance_loss as poisson_deviance_loss,
    tweedie_deviance_loss as tweedie_deviance_loss,
)
from .losses.likelihood.evidential_regression import (
    EvidentialRegressionLoss as EvidentialRegressionLoss,
    evidential_regression_loss as evidential_regression_loss,
)
from .losses.likelihood.gaussian import (
    BetaNLLLoss as BetaNLLLoss,
    GaussianNLLLoss as GaussianNLLLoss,
    beta_nll_loss as beta_nll_loss,
    gaussian_nll_loss as gaussian_nll_loss,
)
from .losses.likelihood.location_scale import (
    LaplaceNLLLoss as LaplaceNLLLoss,
    LogisticNLLLoss as LogisticNLLLoss,
    StudentTNLLLoss as StudentTNLLLoss,
    laplace_nll_loss as laplace_nll_loss,
    logistic_nll_loss as logistic_nll_loss,
    student_t_nll_loss as student_t_nll_loss,
)
from .losses.likelihood.mixture import (
    GaussianMixtureNLLLoss as GaussianMixtureNLLLoss,
    gaussian_mixture_nll_loss as gaussian_mixture_nll_loss,
)
from .losses.likelihood.multivariate import (
    MultivariateGaussianNLLLoss as MultivariateGaussianNLLLoss,
    multivariate_gaussian_nll_loss as multivariate_gaussian_nll_loss,
)
from .losses.likelihood.poisson import (
    NegativeBinomialNLLLoss as NegativeBinomialNLLLoss,
    PoissonNLLLoss as PoissonNLLLoss,
    PoissonRateNLLLoss as PoissonRateNLLLoss,
    negative_binomial_nll_loss as negative_binomial_nll_loss,
    poisson_nll_loss as poisson_nll_loss,
    poisson_rate_nll_loss as poisson_rate_nll_loss,
)
from .losses.likelihood.positive import (
    GammaNLLLoss as GammaNLLLoss,
    LognormalNLLLoss as LognormalNLLLoss,
    gamma_nll_loss as gamma_nll_loss,
    lognormal_nll_loss as lognormal_nll_loss,
)
from .losses.likelihood.von_mises import (
    VonMisesNLLLoss as VonMisesNLLLoss,
    von_mises_nll_loss as von_mises_nll_loss,
)
from .losses.likelihood.zero_inflated import (
    ZeroInflatedLognormalLoss as ZeroInflatedLognormalLoss,
    ZeroInflatedNegativeBinomialNLLLoss as ZeroInflatedNegativeBinomialNLLLoss,
    ZeroInflatedPoissonNLLLoss as ZeroInflatedPoissonNLLLoss,
    zero_inflated_lognormal_loss as zero_inflated_lognormal_loss,
    zero_inflated_negative_binomial_nll_loss as zero_inflated_negative_binomial_nll_loss,
    zero_inflated_poisson_nll_loss as zero_inflated_poisson_nll_loss,
)
from .losses.margin.bounded import (
    RampLoss as RampLoss,
    SavageLoss as SavageLoss,
    SigmoidLoss as SigmoidLoss,
    TangentLoss as TangentLoss,
    UnhingedLoss as UnhingedLoss,
    ramp_loss as ramp_loss,
    savage_loss as savage_loss,
    sigmoid_loss as sigmoid_loss,
    tangent_loss as tangent_loss,
    unhinged_loss as unhinged_loss,
)
from .losses.margin.categorical_hinge import (
    CategoricalHingeLoss as CategoricalHingeLoss,
    categorical_hinge_loss as categorical_hinge_loss,
)
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
from .losses.margin.perceptron import (
    MultiClassPerceptronLoss as MultiClassPerceptronLoss,
    PerceptronLoss as PerceptronLoss,
    multi_class_perceptron_loss as multi_class_perceptron_loss,
    perceptron_loss as perceptron_loss,
)
from .losses.margin.smooth_hinge import (
    ModifiedHuberLoss as ModifiedHuberLoss,
    SmoothHingeLoss as SmoothHingeLoss,
    modified_huber_loss as modified_huber_loss,
    smooth_hinge_loss as smooth_hinge_loss,
)
from .losses.metric.adaface import (
    AdaFaceLoss as AdaFaceLoss,
    adaface_loss as adaface_loss,
)
from .losses.metric.angular import (
    AngularLoss as AngularLoss,
    angular_loss as angular_loss,
)
from .losses.metric.arcface import ArcFaceLoss as ArcFaceLoss, arcface_loss as arcface_loss
from .losses.metric.average_precision import (
    FastAPLoss as FastAPLoss,
    SmoothAPLoss as SmoothAPLoss,
    fast_ap_loss as fast_ap_loss,
    smooth_ap_loss as smooth_ap_loss,
)
from .losses.metric.batch_triplet import (
    BatchAllTripletLoss as BatchAllTripletLoss,
    SemiHardTripletLoss as SemiHardTripletLoss,
    batch_all_triplet_loss as batch_all_triplet_loss,
    semi_hard_triplet_loss as semi_hard_triplet_loss,
)
from .losses.metric.center import CenterLoss as CenterLoss, center_loss as center_loss
from .losses.metric.combined_margin import (
    CombinedMarginLoss as CombinedMarginLoss,
    combined_margin_loss as combined_margin_loss,
)
from .losses.metric.contrastive import (
    ContrastiveLoss as ContrastiveLoss,
    CosineDistanceLoss as CosineDistanceLoss,
    HingeEmbeddingLoss as HingeEmbeddingLoss,
    contrastive_loss as contrastive_loss,
    cosine_distance_loss as cosine_distance_loss,
    hinge_embedding_loss as hinge_embedding_loss,
)
from .losses.metric.cosface import CosFaceLoss as CosFaceLoss, cosface_loss as cosface_loss
from .losses.metric.cosine_embedding import (
    CosineEmbeddingLoss as CosineEmbeddingLoss,
    cosine_embedding_loss as cosine_embedding_loss,
)
from .losses.metric.curricularface import (
    CurricularFaceLoss as CurricularFaceLoss,
    curricularface_loss as curricularface_loss,
)
from .losses.metric.histogram import (
    HistogramLoss as HistogramLoss,
    histogram_loss as histogram_loss,
)
from .losses.metric.info_nce import (
    CLIPLoss as CLIPLoss,
    InfoNCELoss as InfoNCELoss,
    clip_loss as clip_loss,
    info_nce_loss as info_nce_loss,
)
from .losses.metric.large_margin_softmax import (
    LargeMarginSoftmaxLoss as LargeMarginSoftmaxLoss,
    large_margin_softmax_loss as large_margin_softmax_loss,
)
from .losses.metric.magface import (
    MagFaceLoss as MagFaceLoss,
    magface_loss as magface_loss,
)
from .losses.metric.margin import (
    MarginLoss as MarginLoss,
    margin_loss as margin_loss,
)
from .losses.metric.multiple_negatives import (
    MultipleNegativesRankingLoss as MultipleNegativesRankingLoss,
    multiple_negatives_ranking_loss as multiple_negatives_ranking_loss,
)
from .losses.metric.n_pair import (
    NPairLoss as NPairLoss,
    n_pair_loss as n_pair_loss,
)
from .losses.metric.normalized_softmax import (
    NormalizedSoftmaxLoss as NormalizedSoftmaxLoss,
    normalized_softmax_loss as normalized_softmax_loss,
)
from .losses.metric.parametric_contrastive import (
    ParametricContrastiveLoss as ParametricContrastiveLoss,
    parametric_contrastive_loss as parametric_contrastive_loss,
)
from .losses.metric.proxy_anchor import (
    ProxyAnchorLoss as ProxyAnchorLoss,
    proxy_anchor_loss as proxy_anchor_loss,
)
from .losses.metric.proxy_nca import (
    ProxyNCALoss as ProxyNCALoss,
    ProxyNCAPlusPlusLoss as ProxyNCAPlusPlusLoss,
    proxy_nca_loss as proxy_nca_loss,
    proxy_nca_plus_plus_loss as proxy_nca_plus_plus_loss,
)
from .losses.metric.siglip import SigLIPLoss as SigLIPLoss, siglip_loss as siglip_loss
from .losses.metric.soft_triple import (
    SoftTripleLoss as SoftTripleLoss,
    soft_triple_loss as soft_triple_loss,
)
from .losses.metric.sphereface import (
    SphereFaceLoss as SphereFaceLoss,
    sphereface_loss as sphereface_loss,
)
from .losses.metric.sub_center_arcface import (
    SubCenterArcFaceLoss as SubCenterArcFaceLoss,
    sub_center_arcface_loss as sub_center_arcface_loss,
)
from .losses.metric.supervised_contrastive import (
    BatchHardTripletLoss as BatchHardTripletLoss,
    CircleLoss as CircleLoss,
    LiftedStructureLoss as LiftedStructureLoss,
    MultiSimilarityLoss as MultiSimilarityLoss,
    SupervisedContrastiveLoss as SupervisedContrastiveLoss,
    batch_hard_triplet_loss as batch_hard_triplet_loss,
    circle_loss as circle_loss,
    lifted_structure_loss as lifted_structure_loss,
    multi_similarity_loss as multi_similarity_loss,
    supervised_contrastive_loss as supervised_contrastive_loss,
)
from .losses.metric.triplet import (
    SoftTripletLoss as SoftTripletLoss,
    SquaredTripletLoss as SquaredTripletLoss,
    TripletMarginLoss as TripletMarginLoss,
    soft_triplet_loss as soft_triplet_loss,
    squared_triplet_loss as squared_triplet_loss,
    triplet_margin_loss as triplet_margin_loss,
)
from .losses.metric.tuplet_margin import (
    TupletMarginLoss as TupletMarginLoss,
    tuplet_margin_loss as tuplet_margin_loss,
)
from .losses.ordinal.coral import (
    CORALLoss as CORALLoss,
    coral_loss as coral_loss,
)
from .losses.ordinal.corn import (
    CORNLoss as CORNLoss,
    corn_loss as corn_loss,
)
from .losses.ordinal.cumulative_link import (
    CumulativeLinkLoss as CumulativeLinkLoss,
    cumulative_link_loss as cumulative_link_loss,
)
from .losses.ordinal.distance_cross_entropy import (
    DistanceWeightedCrossEntropyLoss as DistanceWeightedCrossEntropyLoss,
    distance_weighted_cross_entropy as distance_weighted_cross_entropy,
)
from .losses.ordinal.emd import (
    EMDSquaredLoss as EMDSquaredLoss,
    emd_squared_loss as emd_squared_loss,
)
from .losses.ordinal.ordinal_hinge import (
    OrdinalHingeLoss as OrdinalHingeLoss,
    ordinal_hinge_loss as ordinal_hinge_loss,
)
from .losses.ordinal.ordistic import (
    OrdisticLoss as OrdisticLoss,
    ordistic_loss as ordistic_loss,
)
from .losses.ordinal.soft_labels import (
    BinomialCrossEntropyLoss as BinomialCrossEntropyLoss,
    SORDLoss as SORDLoss,
    binomial_cross_entropy as binomial_cross_entropy,
    sord_loss as sord_loss,
)
from .losses.ordinal.weighted_kappa import (
    WeightedKappaLoss as WeightedKappaLoss,
    weighted_kappa_loss as weighted_kappa_loss,
)
from .losses.preference.aot import (
    AOTLoss as AOTLoss,
    AOTPairLoss as AOTPairLoss,
    aot_loss as aot_loss,
    aot_pair_loss as aot_pair_loss,
)
from .losses.preference.apo import (
    APODownLoss as APODownLoss,
    APOZeroLoss as APOZeroLoss,
    apo_down_loss as apo_down_loss,
    apo_zero_loss as apo_zero_loss,
)
from .losses.preference.bco import (
    BCOLoss as BCOLoss,
    bco_loss as bco_loss,
)
from .losses.preference.beta_dpo import (
    BetaDPOLoss as BetaDPOLoss,
    beta_dpo_loss as beta_dpo_loss,
)
from .losses.preference.bradley_terry import (
    BradleyTerryLoss as BradleyTerryLoss,
    bradley_terry_loss as bradley_terry_loss,
)
from .losses.preference.cal_dpo import (
    CalDPOLoss as CalDPOLoss,
    cal_dpo_loss as cal_dpo_loss,
)
from .losses.preference.cispo import (
    CISPOLoss as CISPOLoss,
    cispo_loss as cispo_loss,
)
from .losses.preference.cpo import (
    CPOLoss as CPOLoss,
    cpo_loss as cpo_loss,
)
from .losses.preference.dft import (
    DFTLoss as DFTLoss,
    dft_loss as dft_loss,
)
from .losses.preference.discopop import (
    DiscoPOPLoss as DiscoPOPLoss,
    discopop_loss as discopop_loss,
)
from .losses.preference.dpo import (
    DPOLoss as DPOLoss,
    RobustDPOLoss as RobustDPOLoss,
    dpo_loss as dpo_loss,
    robust_dpo_loss as robust_dpo_loss,
)
from .losses.preference.dpo_positive import (
    DPOPositiveLoss as DPOPositiveLoss,
    dpo_positive_loss as dpo_positive_loss,
)
from .losses.preference.exo_pair import (
    EXOPairLoss as EXOPairLoss,
    exo_pair_loss as exo_pair_loss,
)
from .losses.preference.f_dpo import (
    AlphaDivergenceDPOLoss as AlphaDivergenceDPOLoss,
    JensenShannonDPOLoss as JensenShannonDPOLoss,
    alpha_divergence_dpo_loss as alpha_divergence_dpo_loss,
    jensen_shannon_dpo_loss as jensen_shannon_dpo_loss,
)
from .losses.preference.grpo import (
    GRPOLoss as GRPOLoss,
    grpo_loss as grpo_loss,
)
from .losses.preference.gspo import (
    GSPOLoss as GSPOLoss,
    gspo_loss as gspo_loss,
)
from .losses.preference.hinge_dpo import (
    HingeDPOLoss as HingeDPOLoss,
    hinge_dpo_loss as hinge_dpo_loss,
)
from .losses.preference.ipo import (
    IPOLoss as IPOLoss,
    ipo_loss as ipo_loss,
)
from .losses.preference.kl_penalty import (
    K1KLPenalty as K1KLPenalty,
    K2KLPenalty as K2KLPenalty,
    K3KLPenalty as K3KLPenalty,
    k1_kl_penalty as k1_kl_penalty,
    k2_kl_penalty as k2_kl_penalty,
    k3_kl_penalty as k3_kl_penalty,
)
from .losses.preference.kto import (
    KTOLoss as KTOLoss,
    kto_loss as kto_loss,
)
from .losses.preference.linear import (
    LinearCPOLoss as LinearCPOLoss,
    LinearDPOLoss as LinearDPOLoss,
    LinearGRPOLoss as LinearGRPOLoss,
    LinearKTOLoss as LinearKTOLoss,
    LinearORPOLoss as LinearORPOLoss,
    LinearSimPOLoss as LinearSimPOLoss,
    linear_cpo_loss as linear_cpo_loss,
    linear_dpo_loss as linear_dpo_loss,
    linear_grpo_loss as linear_grpo_loss,
    linear_kto_loss as linear_kto_loss,
    linear_log_probability as linear_log_probability,
    linear_orpo_loss as linear_orpo_loss,
    linear_simpo_loss as linear_simpo_loss,
)
from .losses.preference.nca_pair import (
    NCAPairLoss as NCAPairLoss,
    nca_pair_loss as nca_pair_loss,
)
from .losses.preference.orpo import (
    ORPOLoss as ORPOLoss,
    orpo_loss as orpo_loss,
)
from .losses.preference.plackett_luce_dpo import (
    PlackettLuceDPOLoss as PlackettLuceDPOLoss,
    plackett_luce_dpo_loss as plackett_luce_dpo_loss,
)
from .losses.preference.ppo import (
    PPOClipLoss as PPOClipLoss,
    PPOValueLoss as PPOValueLoss,
    ppo_clip_loss as ppo_clip_loss,
    ppo_value_loss as ppo_value_loss,
)
from .losses.preference.rebel import (
    REBELLoss as REBELLoss,
    rebel_loss as rebel_loss,
)
from .losses.preference.reinforce import (
    REINFORCELoss as REINFORCELoss,
    RLOOLoss as RLOOLoss,
    reinforce_loss as reinforce_loss,
    rloo_loss as rloo_loss,
)
from .losses.preference.rpo import (
    RPOLoss as RPOLoss,
    rpo_loss as rpo_loss,
)
from .losses.preference.sapo import (
    SAPOLoss as SAPOLoss,
    sapo_loss as sapo_loss,
)
from .losses.preference.simpo import (
    AlphaPOLoss as AlphaPOLoss,
    SimPOLoss as SimPOLoss,
    alphapo_loss as alphapo_loss,
    simpo_loss as simpo_loss,
)
from .losses.preference.sppo_hard import (
    SPPOHardLoss as SPPOHardLoss,
    sppo_hard_loss as sppo_hard_loss,
)
from .losses.preference.tdpo import (
    TDPOLoss as TDPOLoss,
    tdpo_loss as tdpo_loss,
)
from .losses.preference.unlikelihood import (
    UnlikelihoodLoss as UnlikelihoodLoss,
    unlikelihood_loss as unlikelihood_loss,
)
from .losses.preference.vespo import (
    VESPOLoss as VESPOLoss,
    vespo_loss as vespo_loss,
)
from .losses.quantile.interval import (
    IntervalScoreLoss as IntervalScoreLoss,
    interval_score_loss as interval_score_loss,
)
from .losses.quantile.noncrossing import (
    NoncrossingQuantileLoss as NoncrossingQuantileLoss,
    noncrossing_quantile_loss as noncrossing_quantile_loss,
)
from .losses.quantile.quantile import (
    ExpectileLoss as ExpectileLoss,
    MultiQuantileLoss as MultiQuantileLoss,
    QuantileHuberLoss as QuantileHuberLoss,
    QuantileLoss as QuantileLoss,
    SmoothQuantileLoss as SmoothQuantileLoss,
    expectile_loss as expectile_loss,
    multi_quantile_loss as multi_quantile_loss,
    quantile_huber_loss as quantile_huber_loss,
    quantile_loss as quantile_loss,
    smooth_quantile_loss as smooth_quantile_loss,
)
from .losses.ranking.approx_ndcg import (
    ApproxNDCGLoss as ApproxNDCGLoss,
    approx_ndcg_loss as approx_ndcg_loss,
)
from .losses.ranking.bpr import (
    BPRLoss as BPRLoss,
    MarginMSELoss as MarginMSELoss,
    bpr_loss as bpr_loss,
    margin_mse_loss as margin_mse_loss,
)
from .losses.ranking.cosine_contrastive import (
    CosineContrastiveLoss as CosineContrastiveLoss,
    cosine_contrastive_loss as cosine_contrastive_loss,
)
from .losses.ranking.lambda_loss import (
    LambdaLoss as LambdaLoss,
    lambda_loss as lambda_loss,
)
from .losses.ranking.listmle import (
    ListMLELoss as ListMLELoss,
    listmle_loss as listmle_loss,
)
from .losses.ranking.listnet import (
    ListNetLoss as ListNetLoss,
    RankingSoftmaxLoss as RankingSoftmaxLoss,
    listnet_loss as listnet_loss,
    ranking_softmax_loss as ranking_softmax_loss,
)
from .losses.ranking.margin_ranking import (
    MarginRankingLoss as MarginRankingLoss,
    margin_ranking_loss as margin_ranking_loss,
)
from .losses.ranking.neural_ndcg import (
    NeuralNDCGLoss as NeuralNDCGLoss,
    neural_ndcg_loss as neural_ndcg_loss,
)
from .losses.ranking.pairwise import (
    PairwiseHingeLoss as PairwiseHingeLoss,
    RankNetLoss as RankNetLoss,
    pairwise_hinge_loss as pairwise_hinge_loss,
    ranknet_loss as ranknet_loss,
)
from .losses.ranking.session import (
    BPRMaxLoss as BPRMaxLoss,
    TOP1Loss as TOP1Loss,
    bpr_max_loss as bpr_max_loss,
    top1_loss as top1_loss,
)
from .losses.ranking.soft_spearman import (
    SoftSpearmanLoss as SoftSpearmanLoss,
    soft_spearman_loss as soft_spearman_loss,
)
from .losses.ranking.warp import (
    WARPLoss as WARPLoss,
    warp_loss as warp_loss,
)
from .losses.regression.correlation import (
    ConcordanceCorrelationLoss as ConcordanceCorrelationLoss,
    PearsonCorrelationLoss as PearsonCorrelationLoss,
    concordance_correlation_loss as concordance_correlation_loss,
    pearson_correlation_loss as pearson_correlation_loss,
)
from .losses.regression.gradient_harmonized import (
    GradientHarmonizedRegressionLoss as GradientHarmonizedRegressionLoss,
    gradient_harmonized_regression_loss as gradient_harmonized_regression_loss,
)
from .losses.regression.half_mse import (
    HalfMSELoss as HalfMSELoss,
    half_mse_loss as half_mse_loss,
)
from .losses.regression.huber import (
    HuberLoss as HuberLoss,
    SmoothL1Loss as SmoothL1Loss,
    huber_loss as huber_loss,
    smooth_l1_loss as smooth_l1_loss,
)
from .losses.regression.l1 import L1Loss as L1Loss, l1_loss as l1_loss
from .losses.regression.log_cosh import LogCoshLoss as LogCoshLoss, log_cosh_loss as log_cosh_loss
from .losses.regression.mse import MSELoss as MSELoss, mse_loss as mse_loss
from .losses.regression.msle import (
    MSLELoss as MSLELoss,
    msle_loss as msle_loss,
)
from .losses.regression.percentage import (
    AbsolutePercentageLoss as AbsolutePercentageLoss,
    SymmetricAbsolutePercentageLoss as SymmetricAbsolutePercentageLoss,
    absolute_percentage_loss as absolute_percentage_loss,
    symmetric_absolute_percentage_loss as symmetric_absolute_percentage_loss,
)
from .losses.regression.relative import (
    NMSELoss as NMSELoss,
    RelativeAbsoluteLoss as RelativeAbsoluteLoss,
    RelativeL2Loss as RelativeL2Loss,
    RelativeSquaredLoss as RelativeSquaredLoss,
    nmse_loss as nmse_loss,
    relative_absolute_loss as relative_absolute_loss,
    relative_l2_loss as relative_l2_loss,
    relative_squared_loss as relative_squared_loss,
)
from .losses.regression.rmse import (
    RMSELoss as RMSELoss,
    rmse_loss as rmse_loss,
)
from .losses.regression.scaled import (
    MASELoss as MASELoss,
    mase_loss as mase_loss,
)
from .losses.robust.balanced_l1 import (
    BalancedL1Loss as BalancedL1Loss,
    balanced_l1_loss as balanced_l1_loss,
)
from .losses.robust.cauchy import (
    CauchyLoss as CauchyLoss,
    cauchy_loss as cauchy_loss,
)
from .losses.robust.epsilon_insensitive import (
    EpsilonInsensitiveLoss as EpsilonInsensitiveLoss,
    SquaredEpsilonInsensitiveLoss as SquaredEpsilonInsensitiveLoss,
    epsilon_insensitive_loss as epsilon_insensitive_loss,
    squared_epsilon_insensitive_loss as squared_epsilon_insensitive_loss,
)
from .losses.robust.fair import (
    FairLoss as FairLoss,
    fair_loss as fair_loss,
)
from .losses.robust.geman_mcclure import (
    GemanMcClureLoss as GemanMcClureLoss,
    geman_mcclure_loss as geman_mcclure_loss,
)
from .losses.robust.general import (
    GeneralRobustLoss as GeneralRobustLoss,
    general_robust_loss as general_robust_loss,
)
from .losses.robust.pseudo_huber import (
    CharbonnierLoss as CharbonnierLoss,
    PseudoHuberLoss as PseudoHuberLoss,
    charbonnier_loss as charbonnier_loss,
    pseudo_huber_loss as pseudo_huber_loss,
)
from .losses.robust.tukey import (
    AndrewsWaveLoss as AndrewsWaveLoss,
    TukeyBiweightLoss as TukeyBiweightLoss,
    andrews_wave_loss as andrews_wave_loss,
    tukey_biweight_loss as tukey_biweight_loss,
)
from .losses.robust.welsch import (
    WelschLoss as WelschLoss,
    welsch_loss as welsch_loss,
)
from .losses.robust.wing import (
    AdaptiveWingLoss as AdaptiveWingLoss,
    WingLoss as WingLoss,
    adaptive_wing_loss as adaptive_wing_loss,
    wing_loss as wing_loss,
)
from .losses.routing.expert_variation import (
    ImportanceLoss as ImportanceLoss,
    LoadLoss as LoadLoss,
    importance_loss as importance_loss,
    load_loss as load_loss,
)
from .losses.routing.load_balancing import (
    LoadBalancingLoss as LoadBalancingLoss,
    load_balancing_loss as load_balancing_loss,
)
from .losses.routing.router_z import (
    RouterZLoss as RouterZLoss,
    router_z_loss as router_z_loss,
)
from .losses.segmentation.boundary import (
    BoundaryLoss as BoundaryLoss,
    SigmoidBoundaryLoss as SigmoidBoundaryLoss,
    boundary_loss as boundary_loss,
    sigmoid_boundary_loss as sigmoid_boundary_loss,
)
from .losses.segmentation.cl_dice import (
    ClDiceLoss as ClDiceLoss,
    DiceClDiceLoss as DiceClDiceLoss,
    cl_dice_loss as cl_dice_loss,
    dice_cl_dice_loss as dice_cl_dice_loss,
)
from .losses.segmentation.combo import (
    ComboLoss as ComboLoss,
    combo_loss as combo_loss,
)
from .losses.segmentation.dice import (
    DiceLoss as DiceLoss,
    ProbabilityDiceLoss as ProbabilityDiceLoss,
    SigmoidDiceLoss as SigmoidDiceLoss,
    dice_loss as dice_loss,
    probability_dice_loss as probability_dice_loss,
    sigmoid_dice_loss as sigmoid_dice_loss,
)
from .losses.segmentation.dice_cross_entropy import (
    DiceBinaryCrossEntropyLoss as DiceBinaryCrossEntropyLoss,
    DiceCrossEntropyLoss as DiceCrossEntropyLoss,
    dice_binary_cross_entropy_loss as dice_binary_cross_entropy_loss,
    dice_cross_entropy_loss as dice_cross_entropy_loss,
)
from .losses.segmentation.dice_focal import (
    DiceFocalLoss as DiceFocalLoss,
    SigmoidDiceFocalLoss as SigmoidDiceFocalLoss,
    dice_focal_loss as dice_focal_loss,
    sigmoid_dice_focal_loss as sigmoid_dice_focal_loss,
)
from .losses.segmentation.exponential_logarithmic import (
    ExponentialLogarithmicLoss as ExponentialLogarithmicLoss,
    exponential_logarithmic_loss as exponential_logarithmic_loss,
)
from .losses.segmentation.generalized_dice import (
    GeneralizedDiceLoss as GeneralizedDiceLoss,
    generalized_dice_loss as generalized_dice_loss,
)
from .losses.segmentation.hausdorff import (
    HausdorffLoss as HausdorffLoss,
    hausdorff_loss as hausdorff_loss,
)
from .losses.segmentation.jaccard import (
    JaccardLoss as JaccardLoss,
    SigmoidJaccardLoss as SigmoidJaccardLoss,
    jaccard_loss as jaccard_loss,
    sigmoid_jaccard_loss as sigmoid_jaccard_loss,
)
from .losses.segmentation.log_cosh_dice import (
    LogCoshDiceLoss as LogCoshDiceLoss,
    SigmoidLogCoshDiceLoss as SigmoidLogCoshDiceLoss,
    log_cosh_dice_loss as log_cosh_dice_loss,
    sigmoid_log_cosh_dice_loss as sigmoid_log_cosh_dice_loss,
)
from .losses.segmentation.lovasz import (
    LovaszHingeLoss as LovaszHingeLoss,
    LovaszSoftmaxLoss as LovaszSoftmaxLoss,
    lovasz_hinge_loss as lovasz_hinge_loss,
    lovasz_softmax_loss as lovasz_softmax_loss,
)
from .losses.segmentation.matthews_correlation import (
    MatthewsCorrelationLoss as MatthewsCorrelationLoss,
    matthews_correlation_loss as matthews_correlation_loss,
)
from .losses.segmentation.sensitivity_specificity import (
    SensitivitySpecificityLoss as SensitivitySpecificityLoss,
    sensitivity_specificity_loss as sensitivity_specificity_loss,
)
from .losses.segmentation.tversky import (
    FocalTverskyLoss as FocalTverskyLoss,
    SigmoidFocalTverskyLoss as SigmoidFocalTverskyLoss,
    SigmoidTverskyLoss as SigmoidTverskyLoss,
    TverskyLoss as TverskyLoss,
    focal_tversky_loss as focal_tversky_loss,
    sigmoid_focal_tversky_loss as sigmoid_focal_tversky_loss,
    sigmoid_tversky_loss as sigmoid_tversky_loss,
    tversky_loss as tversky_loss,
)
from .losses.segmentation.unified_focal import (
    AsymmetricUnifiedFocalLoss as AsymmetricUnifiedFocalLoss,
    SymmetricUnifiedFocalLoss as SymmetricUnifiedFocalLoss,
    asymmetric_unified_focal_loss as asymmetric_unified_focal_loss,
    symmetric_unified_focal_loss as symmetric_unified_focal_loss,
)
from .losses.segmentation.wasserstein_dice import (
    WassersteinDiceLoss as WassersteinDiceLoss,
    wasserstein_dice_loss as wasserstein_dice_loss,
)
from .losses.self_supervised.alignment_uniformity import (
    AlignmentLoss as AlignmentLoss,
    UniformityLoss as UniformityLoss,
    alignment_loss as alignment_loss,
    uniformity_loss as uniformity_loss,
)
from .losses.self_supervised.barlow_twins import (
    BarlowTwinsLoss as BarlowTwinsLoss,
    barlow_twins_loss as barlow_twins_loss,
)
from .losses.self_supervised.bootstrap import (
    BYOLLoss as BYOLLoss,
    SimSiamLoss as SimSiamLoss,
    byol_loss as byol_loss,
    simsiam_loss as simsiam_loss,
)
from .losses.self_supervised.dino import (
    DINOLoss as DINOLoss,
    dino_loss as dino_loss,
)
from .losses.self_supervised.masked_patch import (
    MaskedPatchLoss as MaskedPatchLoss,
    masked_patch_loss as masked_patch_loss,
)
from .losses.self_supervised.moco import (
    MoCoLoss as MoCoLoss,
    moco_loss as moco_loss,
)
from .losses.self_supervised.simctg import (
    SimCTGLoss as SimCTGLoss,
    simctg_loss as simctg_loss,
)
from .losses.self_supervised.swav import (
    SwAVLoss as SwAVLoss,
    swav_loss as swav_loss,
)
from .losses.self_supervised.vicreg import (
    VICRegLoss as VICRegLoss,
    vicreg_loss as vicreg_loss,
)
from .losses.sequence.aggregation import (
    AggregationCrossEntropyLoss as AggregationCrossEntropyLoss,
    aggregation_cross_entropy_loss as aggregation_cross_entropy_loss,
)
from .losses.sequence.crf import (
    CRFLoss as CRFLoss,
    crf_loss as crf_loss,
)
from .losses.sequence.ctc import (
    CTCLoss as CTCLoss,
    CTCNLLLoss as CTCNLLLoss,
    ctc_loss as ctc_loss,
    ctc_nll_loss as ctc_nll_loss,
)
from .losses.sequence.entropy_ctc import (
    EntropyCTCLoss as EntropyCTCLoss,
    entropy_ctc_loss as entropy_ctc_loss,
)
from .losses.sequence.focal_ctc import (
    FocalCTCLoss as FocalCTCLoss,
    focal_ctc_loss as focal_ctc_loss,
)
from .losses.sequence.label_prior_ctc import (
    LabelPriorCTCLoss as LabelPriorCTCLoss,
    label_prior_ctc_loss as label_prior_ctc_loss,
)
from .losses.sequence.pruned_transducer import (
    PrunedRNNTLoss as PrunedRNNTLoss,
    pruned_rnnt_loss as pruned_rnnt_loss,
)
from .losses.sequence.simple_transducer import (
    SimpleRNNTLoss as SimpleRNNTLoss,
    simple_rnnt_loss as simple_rnnt_loss,
)
from .losses.sequence.token_duration import (
    TDTLoss as TDTLoss,
    tdt_loss as tdt_loss,
)
from .losses.sequence.transducer import (
    RNNTLoss as RNNTLoss,
    rnnt_loss as rnnt_loss,
)
from .losses.sequence.word_error import (
    MinimumWordErrorRateLoss as MinimumWordErrorRateLoss,
    minimum_word_error_rate_loss as minimum_word_error_rate_loss,
)
from .losses.survival.cox import (
    CoxPartialLikelihoodLoss as CoxPartialLikelihoodLoss,
    cox_partial_likelihood_loss as cox_partial_likelihood_loss,
)
from .losses.survival.deep_hit import (
    DeepHitRankingLoss as DeepHitRankingLoss,
    deep_hit_ranking_loss as deep_hit_ranking_loss,
)
from .losses.survival.failure_time import (
    LoglogisticSurvivalLoss as LoglogisticSurvivalLoss,
    LognormalSurvivalLoss as LognormalSurvivalLoss,
    loglogistic_survival_loss as loglogistic_survival_loss,
    lognormal_survival_loss as lognormal_survival_loss,
)
from .losses.survival.intervals import (
    DiscreteTimeSurvivalLoss as DiscreteTimeSurvivalLoss,
    PMFSurvivalLoss as PMFSurvivalLoss,
    discrete_time_survival_loss as discrete_time_survival_loss,
    pmf_survival_loss as pmf_survival_loss,
)
from .losses.survival.weibull import (
    WeibullSurvivalLoss as WeibullSurvivalLoss,
    weibull_survival_loss as weibull_survival_loss,
)
from .losses.transport.moments import (
    DeepCORALLoss as DeepCORALLoss,
    EnergyDistanceLoss as EnergyDistanceLoss,
    MMDLoss as MMDLoss,
    deep_coral_loss as deep_coral_loss,
    energy_distance_loss as energy_distance_loss,
    mmd_loss as mmd_loss,
)
from .losses.transport.sinkhorn import (
    SinkhornDivergenceLoss as SinkhornDivergenceLoss,
    sinkhorn_divergence as sinkhorn_divergence,
)
from .losses.transport.wasserstein import (
    EarthMoverLoss as EarthMoverLoss,
    SlicedWassersteinLoss as SlicedWassersteinLoss,
    Wasserstein1DLoss as Wasserstein1DLoss,
    earth_mover_loss as earth_mover_loss,
    sliced_wasserstein_loss as sliced_wasserstein_loss,
    wasserstein_1d_loss as wasserstein_1d_loss,
)
from .parts import NamedParts as NamedParts, Parts as Parts, parts as parts
from .processes import AcrossProcesses as AcrossProcesses
from .reduction import Reduction as Reduction, reduce as reduce
from .signature import signature as signature
from .validation import validation as validation

if TYPE_CHECKING:
    from .compare.comparison import compare as compare
else:

    def __getattr__(name: str) -> object:
        """Load what needs more than torch when it is used."""
        if name == "compare":
            return _import_module(".compare", __name__)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
