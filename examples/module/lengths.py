"""Draw accuracy against length, by what FWP Lab has collected."""

import pandas as pd
import seaborn as sns
from matplotlib import pyplot as plt

accuracy = pd.read_csv(snakemake.input[0])
lengths = accuracy[accuracy["length"].notna()]
sns.lineplot(lengths, x="length", y="sequence_accuracy", hue="model", errorbar="sd")
plt.savefig(snakemake.output[0])
