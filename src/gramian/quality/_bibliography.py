"""The works that measures are taken from."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Reference:
    """One work: who, what, where, when and a link that lasts."""

    authors: str
    title: str
    venue: str
    year: int
    url: str

    def __str__(self) -> str:
        return f"{self.authors} ({self.year}). {self.title}. {self.venue}. {self.url}"


REFERENCES: dict[str, Reference] = {
    "agrawal2022": Reference(
        "K. K. Agrawal, A. K. Mondal, A. Ghosh, B. A. Richards",
        "alpha-ReQ: Assessing representation quality in self-supervised learning by measuring eigenspectrum decay",
        "Advances in Neural Information Processing Systems 35",
        2022,
        "https://papers.neurips.cc/paper_files/paper/2022/hash/70596d70542c51c8d9b4e423f4bf2736-Abstract-Conference.html",
    ),
    "alain2016": Reference(
        "G. Alain, Y. Bengio",
        "Understanding intermediate layers using linear classifier probes",
        "arXiv 1610.01644",
        2016,
        "https://arxiv.org/abs/1610.01644",
    ),
    "bardes2022": Reference(
        "A. Bardes, J. Ponce, Y. LeCun",
        "VICReg: Variance-invariance-covariance regularization for self-supervised learning",
        "International Conference on Learning Representations",
        2022,
        "https://arxiv.org/abs/2105.04906",
    ),
    "bengio2004": Reference(
        "Y. Bengio, Y. Grandvalet",
        "No unbiased estimator of the variance of k-fold cross-validation",
        "Journal of Machine Learning Research 5:1089-1105",
        2004,
        "https://www.jmlr.org/papers/v5/grandvalet04a.html",
    ),
    "biggs2023": Reference(
        "F. Biggs, A. Schrab, A. Gretton",
        "MMD-FUSE: Learning and combining kernels for two-sample testing without data splitting",
        "Advances in Neural Information Processing Systems 36",
        2023,
        "https://arxiv.org/abs/2306.08777",
    ),
    "campbell2008": Reference(
        "J. Y. Campbell, S. B. Thompson",
        "Predicting excess stock returns out of sample: Can anything beat the historical average?",
        "Review of Financial Studies 21(4):1509-1531",
        2008,
        "https://doi.org/10.1093/rfs/hhm055",
    ),
    "chen2020": Reference(
        "T. Chen, S. Kornblith, M. Norouzi, G. Hinton",
        "A simple framework for contrastive learning of visual representations",
        "International Conference on Machine Learning",
        2020,
        "https://arxiv.org/abs/2002.05709",
    ),
    "caron2020": Reference(
        "M. Caron, I. Misra, J. Mairal, P. Goyal, P. Bojanowski, A. Joulin",
        "Unsupervised learning of visual features by contrasting cluster assignments",
        "Advances in Neural Information Processing Systems 33",
        2020,
        "https://arxiv.org/abs/2006.09882",
    ),
    "caron2021": Reference(
        "M. Caron, H. Touvron, I. Misra, H. Jegou, J. Mairal, P. Bojanowski, A. Joulin",
        "Emerging properties in self-supervised vision transformers",
        "International Conference on Computer Vision",
        2021,
        "https://arxiv.org/abs/2104.14294",
    ),
    "chatterjee2025": Reference(
        "A. Chatterjee, B. B. Bhattacharya",
        "Boosting the power of kernel two-sample tests",
        "Biometrika 112(1)",
        2025,
        "https://arxiv.org/abs/2302.10687",
    ),
    "chen2020moco": Reference(
        "X. Chen, H. Fan, R. Girshick, K. He",
        "Improved baselines with momentum contrastive learning",
        "arXiv 2003.04297",
        2020,
        "https://arxiv.org/abs/2003.04297",
    ),
    "chen2021": Reference(
        "X. Chen, K. He",
        "Exploring simple Siamese representation learning",
        "Conference on Computer Vision and Pattern Recognition",
        2021,
        "https://arxiv.org/abs/2011.10566",
    ),
    "cheng2025": Reference(
        "E. Cheng, D. Doimo, C. Kervadec, I. Macocco, J. Yu, A. Laio, M. Baroni",
        "Emergence of a high-dimensional abstraction phase in language transformers",
        "International Conference on Learning Representations",
        2025,
        "https://arxiv.org/abs/2405.15471",
    ),
    "cover1967": Reference(
        "T. M. Cover, P. E. Hart",
        "Nearest neighbor pattern classification",
        "IEEE Transactions on Information Theory 13(1):21-27",
        1967,
        "https://doi.org/10.1109/TIT.1967.1053964",
    ),
    "domingoenrich2025": Reference(
        "C. Domingo-Enrich, R. Dwivedi, L. Mackey",
        "Cheap permutation testing",
        "arXiv 2502.07672",
        2025,
        "https://arxiv.org/abs/2502.07672",
    ),
    "ermolov2021": Reference(
        "A. Ermolov, A. Siarohin, E. Sangineto, N. Sebe",
        "Whitening for self-supervised representation learning",
        "International Conference on Machine Learning",
        2021,
        "https://arxiv.org/abs/2007.06346",
    ),
    "ethayarajh2019": Reference(
        "K. Ethayarajh",
        "How contextual are contextualized word representations? Comparing the geometry of BERT, ELMo, and GPT-2 "
        "embeddings",
        "Empirical Methods in Natural Language Processing",
        2019,
        "https://arxiv.org/abs/1909.00512",
    ),
    "facco2017": Reference(
        "E. Facco, M. d'Errico, A. Rodriguez, A. Laio",
        "Estimating the intrinsic dimension of datasets by a minimal neighborhood information",
        "Scientific Reports 7:12140",
        2017,
        "https://doi.org/10.1038/s41598-017-11873-y",
    ),
    "frossl2024": Reference(
        "O. Skean, A. Dhakal, N. Jacobs, L. G. Sanchez Giraldo",
        "FroSSL: Frobenius norm minimization for efficient multiview self-supervised learning",
        "European Conference on Computer Vision",
        2024,
        "https://arxiv.org/abs/2310.02903",
    ),
    "gao2017": Reference(
        "P. Gao, E. Trautmann, B. Yu, G. Santhanam, S. Ryu, K. Shenoy, S. Ganguli",
        "A theory of multineuronal dimensionality, dynamics and measurement",
        "bioRxiv 214262",
        2017,
        "https://doi.org/10.1101/214262",
    ),
    "garrido2023": Reference(
        "Q. Garrido, R. Balestriero, L. Najman, Y. LeCun",
        "RankMe: Assessing the downstream performance of pretrained self-supervised representations by their rank",
        "International Conference on Machine Learning",
        2023,
        "https://arxiv.org/abs/2210.02885",
    ),
    "giraldo2015": Reference(
        "L. G. Sanchez Giraldo, M. Rao, J. C. Principe",
        "Measures of entropy from data using infinitely divisible kernels",
        "IEEE Transactions on Information Theory 61(1):535-548",
        2015,
        "https://arxiv.org/abs/1211.2459",
    ),
    "gretton2012": Reference(
        "A. Gretton, K. M. Borgwardt, M. J. Rasch, B. Schölkopf, A. Smola",
        "A kernel two-sample test",
        "Journal of Machine Learning Research 13:723-773",
        2012,
        "https://jmlr.org/papers/v13/gretton12a.html",
    ),
    "grill2020": Reference(
        "J.-B. Grill, F. Strub, F. Altche, C. Tallec, P. H. Richemond, and others",
        "Bootstrap your own latent: A new approach to self-supervised learning",
        "Advances in Neural Information Processing Systems 33",
        2020,
        "https://arxiv.org/abs/2006.07733",
    ),
    "hartigan1985": Reference(
        "J. A. Hartigan, P. M. Hartigan",
        "The dip test of unimodality",
        "The Annals of Statistics 13(1):70-84",
        1985,
        "https://doi.org/10.1214/aos/1176346577",
    ),
    "he2022": Reference(
        "B. He, M. Ozay",
        "Exploring the gap between collapsed and whitened features in self-supervised learning",
        "International Conference on Machine Learning",
        2022,
        "https://icml.cc/virtual/2022/poster/18293",
    ),
    "hesterberg2015": Reference(
        "T. C. Hesterberg",
        "What teachers should know about the bootstrap: Resampling in the undergraduate statistics curriculum",
        "The American Statistician 69(4):371-386",
        2015,
        "https://arxiv.org/abs/1411.5279",
    ),
    "hoerl1970": Reference(
        "A. E. Hoerl, R. W. Kennard",
        "Ridge regression: Biased estimation for nonorthogonal problems",
        "Technometrics 12(1):55-67",
        1970,
        "https://doi.org/10.1080/00401706.1970.10488634",
    ),
    "holm1979": Reference(
        "S. Holm",
        "A simple sequentially rejective multiple test procedure",
        "Scandinavian Journal of Statistics 6(2):65-70",
        1979,
        "https://www.jstor.org/stable/4615733",
    ),
    "hosseini2023": Reference(
        "E. Hosseini, E. Fedorenko",
        "Large language models implicitly learn to straighten neural sentence trajectories to construct "
        "a predictive representation of natural language",
        "Advances in Neural Information Processing Systems 36",
        2023,
        "https://arxiv.org/abs/2311.04930",
    ),
    "hoyos2022": Reference(
        "J. K. Hoyos Osorio, O. Skean, A. J. Brockmeier, L. G. Sanchez Giraldo",
        "The representation Jensen-Rényi divergence",
        "IEEE International Conference on Acoustics, Speech and Signal Processing",
        2022,
        "https://arxiv.org/abs/2112.01583",
    ),
    "kornblith2019": Reference(
        "S. Kornblith, M. Norouzi, H. Lee, G. Hinton",
        "Similarity of neural network representations revisited",
        "International Conference on Machine Learning",
        2019,
        "https://arxiv.org/abs/1905.00414",
    ),
    "kunsch1989": Reference(
        "H. R. Künsch",
        "The jackknife and the bootstrap for general stationary observations",
        "The Annals of Statistics 17(3):1217-1241",
        1989,
        "https://doi.org/10.1214/aos/1176347265",
    ),
    "men2024": Reference(
        "X. Men, M. Xu, Q. Zhang, and others",
        "ShortGPT: Layers in large language models are more redundant than you expect",
        "arXiv 2403.03853",
        2024,
        "https://arxiv.org/abs/2403.03853",
    ),
    "merity2016": Reference(
        "S. Merity, C. Xiong, J. Bradbury, R. Socher",
        "Pointer sentinel mixture models",
        "arXiv 1609.07843",
        2016,
        "https://arxiv.org/abs/1609.07843",
    ),
    "muennighoff2022": Reference(
        "N. Muennighoff",
        "SGPT: GPT sentence embeddings for semantic search",
        "arXiv 2202.08904",
        2022,
        "https://arxiv.org/abs/2202.08904",
    ),
    "oord2018": Reference(
        "A. van den Oord, Y. Li, O. Vinyals",
        "Representation learning with contrastive predictive coding",
        "arXiv 1807.03748",
        2018,
        "https://arxiv.org/abs/1807.03748",
    ),
    "phipson2010": Reference(
        "B. Phipson, G. K. Smyth",
        "Permutation p-values should never be zero: Calculating exact p-values when permutations are randomly drawn",
        "Statistical Applications in Genetics and Molecular Biology 9(1):39",
        2010,
        "https://doi.org/10.2202/1544-6115.1585",
    ),
    "poole2019": Reference(
        "B. Poole, S. Ozair, A. van den Oord, A. A. Alemi, G. Tucker",
        "On variational bounds of mutual information",
        "International Conference on Machine Learning",
        2019,
        "https://arxiv.org/abs/1905.06922",
    ),
    "queipo2025": Reference(
        "E. Queipo-de-Llano, A. Arroyo, F. Barbero, X. Dong, M. Bronstein, Y. LeCun, R. Shwartz-Ziv",
        "Attention sinks and compression valleys in LLMs are two sides of the same coin",
        "arXiv 2510.06477",
        2025,
        "https://arxiv.org/abs/2510.06477",
    ),
    "rahimi2007": Reference(
        "A. Rahimi, B. Recht",
        "Random features for large-scale kernel machines",
        "Advances in Neural Information Processing Systems 20",
        2007,
        "https://papers.nips.cc/paper_files/paper/2007/hash/013a006f03dbc5392effeb8f18fda755-Abstract.html",
    ),
    "rasmussen2006": Reference(
        "C. E. Rasmussen, C. K. I. Williams",
        "Gaussian processes for machine learning",
        "MIT Press",
        2006,
        "https://gaussianprocess.org/gpml/",
    ),
    "renyi1961": Reference(
        "A. Rényi",
        "On measures of entropy and information",
        "Fourth Berkeley Symposium on Mathematical Statistics and Probability 1:547-561",
        1961,
        "https://projecteuclid.org/euclid.bsmsp/1200512181",
    ),
    "rosasco2010": Reference(
        "L. Rosasco, M. Belkin, E. De Vito",
        "On learning with integral operators",
        "Journal of Machine Learning Research 11:905-934",
        2010,
        "https://www.jmlr.org/papers/v11/rosasco10a.html",
    ),
    "rudelson2007": Reference(
        "M. Rudelson, R. Vershynin",
        "Sampling from large matrices: An approach through geometric functional analysis",
        "Journal of the ACM 54(4)",
        2007,
        "https://doi.org/10.1145/1255443.1255449",
    ),
    "schrab2023": Reference(
        "A. Schrab, I. Kim, M. Albert, B. Laurent, B. Guedj, A. Gretton",
        "MMD aggregated two-sample test",
        "Journal of Machine Learning Research 24(194):1-81",
        2023,
        "https://www.jmlr.org/papers/v24/21-1289.html",
    ),
    "skean2023": Reference(
        "O. Skean, J. K. Hoyos Osorio, A. J. Brockmeier, L. G. Sanchez Giraldo",
        "DiME: Maximizing mutual information by a difference of matrix-based entropies",
        "arXiv 2301.08164",
        2023,
        "https://arxiv.org/abs/2301.08164",
    ),
    "skean2024": Reference(
        "O. Skean, M. R. Arefin, Y. LeCun, R. Shwartz-Ziv",
        "Does representation matter? Exploring intermediate layers in large language models",
        "arXiv 2412.09563",
        2024,
        "https://arxiv.org/abs/2412.09563",
    ),
    "skean2025": Reference(
        "O. Skean, M. R. Arefin, D. Zhao, N. Patel, J. Naghiyev, Y. LeCun, R. Shwartz-Ziv",
        "Layer by layer: Uncovering hidden representations in language models",
        "International Conference on Machine Learning",
        2025,
        "https://arxiv.org/abs/2502.02013",
    ),
    "sobol2009": Reference(
        "I. M. Sobol', S. Kucherenko",
        "Derivative based global sensitivity measures and their link with global sensitivity indices",
        "Mathematics and Computers in Simulation 79(10):3009-3017",
        2009,
        "https://doi.org/10.1016/j.matcom.2009.01.023",
    ),
    "sutherland2015": Reference(
        "D. J. Sutherland, J. Schneider",
        "On the error of random Fourier features",
        "Conference on Uncertainty in Artificial Intelligence",
        2015,
        "https://arxiv.org/abs/1506.02785",
    ),
    "szekely2007": Reference(
        "G. J. Székely, M. L. Rizzo, N. K. Bakirov",
        "Measuring and testing dependence by correlation of distances",
        "The Annals of Statistics 35(6):2769-2794",
        2007,
        "https://doi.org/10.1214/009053607000000505",
    ),
    "szekely2014": Reference(
        "G. J. Székely, M. L. Rizzo",
        "Partial distance correlation with methods for dissimilarities",
        "The Annals of Statistics 42(6):2382-2412",
        2014,
        "https://doi.org/10.1214/14-AOS1255",
    ),
    "thilak2024": Reference(
        "V. Thilak, C. Huang, O. Saremi, L. Dinh, H. Goh, P. Nakkiran, J. M. Susskind, E. Littwin",
        "LiDAR: Sensing linear probing performance in joint embedding SSL architectures",
        "International Conference on Learning Representations",
        2024,
        "https://arxiv.org/abs/2312.04000",
    ),
    "wang2020": Reference(
        "T. Wang, P. Isola",
        "Understanding contrastive representation learning through alignment and uniformity on the hypersphere",
        "International Conference on Machine Learning",
        2020,
        "https://arxiv.org/abs/2005.10242",
    ),
    "williams2000": Reference(
        "C. K. I. Williams, M. Seeger",
        "Using the Nyström method to speed up kernel machines",
        "Advances in Neural Information Processing Systems 13",
        2000,
        "https://papers.nips.cc/paper_files/paper/2000/hash/19de10adbaa1b2ee13f77f679fa1483a-Abstract.html",
    ),
    "wilson1927": Reference(
        "E. B. Wilson",
        "Probable inference, the law of succession, and statistical inference",
        "Journal of the American Statistical Association 22(158):209-212",
        1927,
        "https://doi.org/10.1080/01621459.1927.10502953",
    ),
    "wu2018": Reference(
        "Z. Wu, Y. Xiong, S. X. Yu, D. Lin",
        "Unsupervised feature learning via non-parametric instance discrimination",
        "CVPR 2018",
        2018,
        "https://arxiv.org/abs/1805.01978",
    ),
    "yerxa2023": Reference(
        "T. Yerxa, Y. Kuang, E. Simoncelli, S. Chung",
        "Learning efficient coding of natural images with maximum manifold capacity representations",
        "Advances in Neural Information Processing Systems 36",
        2023,
        "https://arxiv.org/abs/2303.03307",
    ),
    "you2017": Reference(
        "Y. You, I. Gitman, B. Ginsburg",
        "Large batch training of convolutional networks",
        "arXiv 1708.03888",
        2017,
        "https://arxiv.org/abs/1708.03888",
    ),
    "yu2019": Reference(
        "S. Yu, L. G. Sanchez Giraldo, R. Jenssen, J. C. Principe",
        "Multivariate extension of matrix-based Rényi's α-order entropy functional",
        "IEEE Transactions on Pattern Analysis and Machine Intelligence 42(11):2960-2966",
        2019,
        "https://arxiv.org/abs/1808.07912",
    ),
    "zbontar2021": Reference(
        "J. Zbontar, L. Jing, I. Misra, Y. LeCun, S. Deny",
        "Barlow Twins: Self-supervised learning via redundancy reduction",
        "International Conference on Machine Learning",
        2021,
        "https://arxiv.org/abs/2103.03230",
    ),
    "zhu1998": Reference(
        "H. Zhu, C. K. I. Williams, R. Rohwer, M. Morciniec",
        "Gaussian regression and optimal finite dimensional linear models",
        "Neural Networks and Machine Learning, Springer, 167-184",
        1998,
        "https://publications.aston.ac.uk/id/eprint/38366/",
    ),
}


def reference(key: str) -> Reference:
    """The work behind a source key.

    Raises:
        ValueError: a key that is not in the bibliography.

    >>> reference("garrido2023").year
    2023
    """
    if key not in REFERENCES:
        raise ValueError(f"source: expected a key of the bibliography; got {key!r}. Add the work to REFERENCES.")
    return REFERENCES[key]
