// The page in Chinese: what stands in the code in English is the key.

export const chinese = {
  // frame
  "Runs": "运行", "Curves": "曲线", "Compare": "比较", "Artifacts": "数据与权重", "Project": "项目", "All projects": "所有项目", "Pages": "页面",
  "Live": "实时", "Offline": "已断开", "Follows the files on disk": "跟随磁盘上的文件实时更新", "read only": "只读", "Language": "语言",
  "Light colours": "浅色", "Dark colours": "深色", "Keys": "快捷键", "Close": "关闭", "Copy": "复制", "Copied.": "已复制。",
  "The browser does not let the page copy.": "浏览器不允许页面复制。", "Search": "搜索", "Save": "保存", "Saved.": "已保存。", "Undo": "撤销",
  "The server does not answer.": "服务器没有响应。", "Is `tracker ui` still running?": "`tracker ui` 还在运行吗？",
  "just now": "刚刚", "1 min ago": "1 分钟前", "{n} min ago": "{n} 分钟前", "{n} h ago": "{n} 小时前", "{n} d ago": "{n} 天前",
  // keys
  "Filter the runs": "筛选运行", "Table of runs": "运行列表", "Go through the rows": "逐行移动", "Open the run": "打开运行",
  "Select the row": "选中这一行", "Draw the run, or not": "显示或不显示它的曲线", "Rename the run": "重命名运行", "Zoom a chart": "缩放图表",
  "Go through the points of a chart": "逐点查看图表", "Move a chart": "平移图表", "Show the whole chart": "显示整张图", "Light or dark colours": "切换深色与浅色", "This list": "这份列表",
  "With the mouse: drag over a chart to zoom, Shift and drag to move, Ctrl and wheel to zoom, double-click for the whole.": "鼠标操作：在图上拖动可放大，按住 Shift 拖动可平移，Ctrl 加滚轮可缩放，双击恢复整张图。",
  // states
  "running": "运行中", "finished": "已完成", "failed": "失败", "crashed": "崩溃", "killed": "被终止", "preempted": "被抢占",
  // table of runs
  "No runs yet": "还没有运行", "Start one in {folder}, and it appears here by itself:": "在 {folder} 里启动一次运行，它会自动出现在这里：",
  "No curves yet": "还没有曲线", "Start a run, and its curves appear here by themselves:": "启动一次运行，它的曲线会自动出现在这里：",
  "rank {n}": "进程 {n}", "All {n} ranks": "全部 {n} 个进程", "Each process of a distributed run has rows of its own": "分布式运行的每个进程各有自己的记录", "Reading runs: {done} of {total}": "正在读取运行：{done} / {total}", "{n} run": "{n} 个运行", "{n} runs": "{n} 个运行", "the first {n} are listed": "只列出前 {n} 个", "{n} hidden: show": "{n} 个已隐藏：显示", "{n} selected": "已选 {n} 个",
  "Group": "分组", "No groups": "不分组", "Columns": "列", "Search columns": "搜索列", "{n} more: search for them": "还有 {n} 项，请搜索", "As at first": "恢复默认",
  "No run passes the filter.": "没有符合条件的运行。", "Show all runs": "显示所有运行", "Hide": "隐藏", "Delete": "删除", "Select none": "取消选择", "Select all that are shown": "全选", "Select {name}": "选择 {name}",
  "Draw {name}": "显示 {name} 的曲线", "Do not draw {name}": "不显示 {name} 的曲线", "Colour": "颜色", "Colour of {name}": "{name} 的颜色", "More for {name}": "{name} 的更多操作",
  "Order by {name}": "按 {name} 排序", "Column {name}": "列 {name}", "Order upwards": "升序", "Order downwards": "降序", "Pin up to here": "固定到这一列", "Do not pin": "取消固定",
  "Move left": "左移", "Move right": "右移", "Group by this": "按此列分组", "Take out of the table": "从表中移除", "Open": "打开", "Rename": "重命名", "Edit tags": "编辑标签", "Edit notes": "编辑备注",
  "Name": "名称", "State": "状态", "Created": "创建时间", "Duration": "时长", "Tags": "标签", "Notes": "备注", "User": "用户", "Job type": "任务类型", "tags": "标签", "notes": "备注",
  "{n} values": "{n} 个值", "{n} value": "{n} 个值", "Hide {n} run": "隐藏 {n} 个运行", "Hide {n} runs": "隐藏 {n} 个运行", "Delete {n} run": "删除 {n} 个运行", "Delete {n} runs": "删除 {n} 个运行",
  "{n} run is hidden.": "已隐藏 {n} 个运行。", "{n} runs are hidden.": "已隐藏 {n} 个运行。", "{n} run will be deleted.": "将删除 {n} 个运行。", "{n} runs will be deleted.": "将删除 {n} 个运行。",
  "filter =": "等于", "filter !=": "不等于", "filter <": "小于", "filter <=": "不大于", "filter >": "大于", "filter >=": "不小于", "filter ~": "匹配正则表达式", "filter !~": "不匹配正则表达式", "filter in": "是其中之一",
  // curves
  "Find a metric": "查找指标", "Horizontal axis": "横轴", "as defined": "按定义", "step": "步数", "time since start": "运行时间", "wall time": "时刻", "another metric …": "其他指标……",
  "Smooth": "平滑", "Smoothing": "平滑程度", "Exponential moving average; the raw line stays, pale": "指数滑动平均；原始曲线以浅色保留", "log x": "x 对数", "log y": "y 对数",
  "Logarithmic horizontal axis": "横轴取对数", "Logarithmic vertical axis": "纵轴取对数", "No outliers": "忽略离群值", "The vertical axis leaves out the outermost 2 % on either side": "纵轴范围两端各去掉最外侧 2 %",
  "Taken back": "被撤回的", "Also draws rows that a rewind or a resume took back": "也画出因回退或恢复而被撤回的行", "Whole": "全部",
  "No metric has this in its name.": "没有名称中包含它的指标。", "Nothing logged yet. Curves appear with the first run.log().": "还没有记录。第一次 run.log() 之后曲线就会出现。", "No run is drawn. Switch some on with the eye in the list.": "没有选中要显示的运行。点击列表中的眼睛图标来显示。",
  "Metrics": "指标", "Large": "放大", "Chart of {text}": "图表：{text}", "A line through these points covers the same pixels as one through all; no extreme is left out.": "经过这些点的线与经过所有点的线覆盖相同的像素，没有丢掉任何极值。",
  "{n} points, thinned to pixels": "{n} 个点，已按像素精简", "{n} values are no numbers": "{n} 个值不是数", "CSV of the points drawn": "CSV（画出的点）", "{n} chart": "{n} 张图", "{n} charts": "{n} 张图", "{n} point": "{n} 个点", "{n} points": "{n} 个点",
  "Reset the zoom": "取消缩放", "Reading …": "正在读取……", "{n} group": "{n} 组", "{n} groups": "{n} 组",
  // a run
  "Parts of the run": "运行的各部分", "Overview": "概览", "Media": "媒体", "Model": "模型", "System": "系统", "Console": "控制台", "Files": "文件", "Inputs and outputs": "输入与输出",
  "Results": "结果", "Settings": "配置", "Nothing was recorded.": "没有记录。", "Some of what was logged cannot be read; the rest is shown.": "有些记录无法读取，其余的已显示。",
  "Last step": "最后一步", "Last sign of life": "最近一次活动", "Ended by": "结束原因", "Host": "主机", "Machine": "机器", "Commit": "提交", "Forked from": "分支自", "{run} after step {step}": "{run} 第 {step} 步之后", "Reproduces": "复现自", "Folder": "文件夹",
  "kept by tracker": "由 tracker 保存", "not recorded": "没有记录", "on {branch}": "在分支 {branch}", "changed": "有改动", "add": "添加", "edit": "编辑", "Command": "命令", "in the folder {folder}": "在文件夹 {folder} 中",
  "Go on, or again": "继续或重跑", "Goes on with its own code, inputs and checkpoint:": "用它自己的代码、输入和检查点继续：", "Runs it again and says whether it came out the same:": "重新运行，并说明结果是否一致：", "Says why it differs from another run:": "说明它与另一次运行为什么不同：",
  "Sessions": "会话", "No.": "编号", "Started": "开始时间", "From step": "起始步", "What was not committed": "未提交的改动", "Nothing differs.": "没有区别。", "binary": "二进制", "{n} more lines": "还有 {n} 行", "Changes of the code": "代码的改动",
  "histogram": "直方图", "{n} parameter": "{n} 个参数", "{n} parameters": "{n} 个参数",
  "Search the console": "搜索控制台", "Earlier lines": "更早的内容", "Follow": "跟随", "Download": "下载", "{n} of {all}": "{all} 中的 {n}", "{n} of {all} lines": "{all} 行中的 {n} 行", "Nothing was printed.": "没有输出。",
  "Search files": "搜索文件", "Choose a file to look into it.": "选择一个文件来查看。", "This file is for programs; download it.": "这个文件供程序使用，请下载。", "Only the beginning is shown.": "只显示开头部分。", "{n} more files: search for them": "还有 {n} 个文件，可以搜索", "{n} file": "{n} 个文件", "{n} files": "{n} 个文件",
  "Inputs": "输入", "Outputs": "输出", "It used no version.": "没有使用任何版本。", "It logged no version.": "没有记录任何版本。", "deleted since": "已被删除", "at step {n}": "第 {n} 步",
  "Step of {name}": "{name} 的步数", "step {n}": "第 {n} 步", "Mask {name}": "掩码 {name}", "{n} step": "{n} 步", "{n} steps": "{n} 步",
  "The table is not there any more.": "表格已不存在。", "Search the table": "搜索表格", "Back": "上一页", "Next": "下一页", "{n} row": "{n} 行", "{n} rows": "{n} 行",
  "Its scripts do not run.": "其中的脚本不会运行。", "Its scripts run, cut off from this page and the network.": "其中的脚本正在运行，与本页面和网络隔离。", "Let them run": "允许运行", "Stop them": "停止",
  // kinds of values
  "plot": "图", "plotly figure": "plotly 图", "table": "表格", "picture": "图片", "sound": "声音", "film": "视频", "object in space": "三维物体", "molecule": "分子", "text": "文字", "HTML": "HTML", "model graph": "模型结构",
  // watch
  "Layers": "层", "Gradients": "梯度", "Parameters": "参数", "Heat map": "热图", "Ridges": "山脊图", "norm": "范数", "standard deviation": "标准差", "No finite value.": "没有有限的值。",
  "{n} values are NaN or infinite": "{n} 个值是 NaN 或无穷大", "dead": "失活", "The gradient is zero everywhere: nothing is learned here.": "梯度处处为零：这里没有学到东西。", "vanishing": "消失", "The norm of the gradient is {norm}.": "梯度的范数为 {norm}。",
  "mostly zero": "大多为零", "{share} % of the gradient is zero.": "梯度中 {share} % 为零。", "exploding": "爆炸", "The norm is {norm}.": "范数为 {norm}。",
  "Distribution of {key} over steps": "{key} 随步数的分布", "Distribution of {key} at some steps": "{key} 在若干步的分布", "mean {value}": "均值 {value}", "std {value}": "标准差 {value}", "from {low} to {high}": "从 {low} 到 {high}", "{n} of {all} steps are drawn": "画出 {all} 步中的 {n} 步",
  "Histogram from {low} to {high}": "从 {low} 到 {high} 的直方图", "Graph of {n} modules": "{n} 个模块的结构图", "{n} more modules": "还有 {n} 个模块",
};
