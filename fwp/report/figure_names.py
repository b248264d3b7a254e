"""The figures of texts and translations, by name."""

TEXT_FIGURES = ("text-position", "text-tokens", "text-seconds", "text-state")
TRANSLATION_FIGURES = ("translation-length", "translation-pairs", "translation-seconds")
