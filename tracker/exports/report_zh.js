// The page of an export in Chinese: what stands in its code in English is the key.

const REPORT_ZH = {
  "{n} runs": "{n} 个运行", "Made by {what}.": "由 {what} 生成。", "Smoothing": "平滑", "Logarithmic": "对数", "Light / dark": "浅色 / 深色",
  "Drag to zoom, double-click for the whole.": "拖动放大，双击还原。", "Reset the zoom": "取消缩放",
  "a curve of {points} points: extremes are kept": "一条 {points} 个点的曲线：极值都保留", "{n} curves of up to {points} points: extremes are kept": "{n} 条曲线，最多 {points} 个点：极值都保留",
  "step": "步", "runtime": "开始后的时间", "time": "时刻",
  "Runs": "运行", "The run": "这次运行", "Config": "设置", "Results": "结果", "Lineage": "来源", "Nothing is recorded.": "没有记录。",
  "made by {run}": "由 {run} 生成", "from": "来自", "made": "生成了",
  "State": "状态", "Project": "项目", "Id": "编号", "Created": "创建", "Duration (s)": "时长（秒）", "Tags": "标签", "Group": "分组", "Notes": "备注", "Command": "命令",
  "Commit": "提交", "Branch": "分支", "Uncommitted changes": "未提交的修改", "Code commit": "代码提交", "Host": "主机", "Python": "Python",
  "running": "运行中", "finished": "已完成", "failed": "失败", "crashed": "崩溃", "killed": "被终止", "preempted": "被抢占",
};
