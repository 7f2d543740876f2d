// The page in Chinese: what stands in the code in English is the key.

export const chinese = {
  Runs: "运行",
  Curves: "曲线",
};
